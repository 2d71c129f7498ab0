"""What can go wrong on the write path.

IngestorError
├── BrokerUnavailable      the broker did not answer
├── BrokerRefused          the broker answered no
├── TopicMissing           a topic does not exist
├── DeadLetterTopicTooSmall  a letter might not fit
├── PartitionStopped       a partition cannot go on without a decision
└── MostMessagesBad        the stream, not a message, is broken
"""

from classwaves_runtime.errors import ServiceError


class IngestorError(ServiceError):
    """The ingestor cannot go on."""


class BrokerUnavailable(IngestorError):
    """The Kafka broker did not answer."""


class BrokerRefused(IngestorError):
    """The Kafka broker refused what it was asked for."""


class TopicMissing(IngestorError):
    """A topic does not exist."""


class DeadLetterTopicTooSmall(IngestorError):
    """The dead-letter topic does not take messages as large as the source topic's plus 64 KiB of headers."""


class PartitionStopped(IngestorError):
    """A partition cannot go on without a decision."""


class MostMessagesBad(IngestorError):
    """Most messages of a sustained stream cannot be decoded; they stay in the topic."""
