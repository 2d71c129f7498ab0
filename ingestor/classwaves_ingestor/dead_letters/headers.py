"""The headers that a dead letter adds to the message's own: why it is here, and where it came from.

All are UTF-8 text. The message's key, value and headers go along byte for byte.
"""

PREFIX = "dead-letter-"

REASON = PREFIX + "reason"  # a code of classwaves_schemas
DETAIL = PREFIX + "detail"  # one sentence for a person; never a value from the message
TOPIC = PREFIX + "topic"
TOPIC_ID = PREFIX + "topic-id"
PARTITION = PREFIX + "partition"
OFFSET = PREFIX + "offset"
TIMESTAMP = PREFIX + "timestamp"  # the message's own, Unix milliseconds
CONTRACT_VERSION = PREFIX + "contract-version"

STUB = PREFIX + "stub"  # "true" when the message itself did not fit; then:
SIZE = PREFIX + "size"  # bytes of the value that is not here
SHA256 = PREFIX + "sha256"  # hex digest of the value that is not here
