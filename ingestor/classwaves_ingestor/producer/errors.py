"""What `emit` can raise, beside what a wrong setting raises.

PublisherError
├── InvalidEvent        the event breaks its contract
├── EventTooLarge       the event is larger than MAX_EVENT_BYTES
├── SpoolFull           SPOOL_MAX_BYTES of events wait for the broker
├── SpoolUnavailable    the spool cannot be written
├── QueueFull           too much that is not durable waits for the broker
└── PublisherClosed     the publisher was closed

Whichever it is: the event was not taken, and no sequence number was spent on it.
"""

from classwaves_ingestor.errors import IngestorError


class PublisherError(IngestorError):
    """The event was not taken."""


class InvalidEvent(PublisherError):
    """The event breaks its contract."""


class EventTooLarge(PublisherError):
    """The event is larger than MAX_EVENT_BYTES."""


class SpoolFull(PublisherError):
    """SPOOL_MAX_BYTES of events wait for the broker; bring it back, or raise the limit."""


class SpoolUnavailable(PublisherError):
    """The spool cannot be written."""


class QueueFull(PublisherError):
    """Too many events that are not durable wait for the broker; emit less, or durably."""


class PublisherClosed(PublisherError):
    """The publisher is closed; nothing can be emitted any more."""
