"""A broker's clock in memory, for tests: it passes the same behaviour suite as Kafka's."""

from datetime import timedelta

from classwaves_ingestor.errors import IngestorError
from classwaves_runtime.clock import Clock


class MemoryBrokerClock:
    """The `BrokerClock` of a broker that a test controls.

    Args:
        clock: of the broker's machine.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta()
        """How far the broker is ahead of its machine's clock."""
        self.error: IngestorError | None = None
        """What each reading raises."""
        self.readings = 0

    def read(self) -> int:
        """See `BrokerClock.read`."""
        self.readings += 1
        if self.error is not None:
            raise self.error
        return int((self._clock.now() + self.ahead).timestamp() * 1000)
