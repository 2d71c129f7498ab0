"""Errors of `emit`. Wrong settings raise SettingsError when a publisher is created.

PublisherError
├── InvalidEvent        the event breaks its contract
├── EventTooLarge       the event is larger than MAX_EVENT_BYTES
├── SpoolFull           SPOOL_MAX_BYTES of events wait for the broker
├── SpoolUnavailable    the spool cannot be written
├── QueueFull           too many events with `durable=False` wait for the broker
└── PublisherClosed     the publisher is closed

The event was not accepted and no sequence number was used. One exception: after an I/O error of the
spool (`SpoolUnavailable`) the event may still arrive; a new source begins, so its number is not
reused.
"""

from classwaves_ingestor.errors import IngestorError


class PublisherError(IngestorError):
    """The event was not accepted."""


class InvalidEvent(PublisherError):
    """The event breaks its contract."""


class EventTooLarge(PublisherError):
    """The event is larger than MAX_EVENT_BYTES."""


class SpoolFull(PublisherError):
    """SPOOL_MAX_BYTES of events wait for the broker; restore it or raise the limit."""


class SpoolUnavailable(PublisherError):
    """The spool cannot be written."""


class QueueFull(PublisherError):
    """Too many events with `durable=False` wait for the broker; emit fewer, or durably."""


class PublisherClosed(PublisherError):
    """The publisher is closed."""
