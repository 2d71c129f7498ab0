"""The headers that a dead letter adds: the reason, and the coordinates of the message.

All are UTF-8 text. The message's own key, value and headers are kept byte for byte. Headers are
omitted, all of a message, if the name of one is not UTF-8: no client in Python can write it.
"""

PREFIX = "dead-letter-"

REASON = PREFIX + "reason"  # a reason code of classwaves_schemas
DETAIL = PREFIX + "detail"  # one sentence for a person; never a value from the message
TOPIC = PREFIX + "topic"
TOPIC_ID = PREFIX + "topic-id"
PARTITION = PREFIX + "partition"
OFFSET = PREFIX + "offset"
TIMESTAMP = PREFIX + "timestamp"  # of the message, Unix milliseconds
CONTRACT_VERSION = PREFIX + "contract-version"

HEADERS_OMITTED = PREFIX + "headers-omitted"  # "true" if a header's name was not UTF-8
STUB = PREFIX + "stub"  # "true" if the message itself did not fit. Then also:
SIZE = PREFIX + "size"  # bytes of the omitted value
SHA256 = PREFIX + "sha256"  # hex digest of the omitted value
