"""Errors of the write path.

IngestorError
├── BrokerUnavailable        no broker answered; retry
├── BrokerRefused            the broker refused a request
├── FatalConsumerError       the group removed this consumer for good
├── TopicMissing             a topic does not exist
└── DeadLetterTopicTooSmall  a dead letter may not fit
"""

from classwaves_runtime.errors import ClassWavesError


class IngestorError(ClassWavesError):
    """The ingestor cannot continue."""


class BrokerUnavailable(IngestorError):
    """No Kafka broker answered."""


class BrokerRefused(IngestorError):
    """The Kafka broker refused the request."""


class FatalConsumerError(IngestorError):
    """The Kafka client cannot consume any more; only a new process can."""


class TopicMissing(IngestorError):
    """The topic does not exist."""


class DeadLetterTopicTooSmall(IngestorError):
    """The dead-letter topic refuses messages of the source's size plus 64 KiB of headers."""
