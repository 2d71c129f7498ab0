"""The time of the brokers, which this machine's own time of day does not influence.

A reading of a broker's clock is an anchor: it is advanced by the monotonic clock, and renewed every
few minutes. Each anchor counts from the moment at which its answer was here, which is after the
broker's stamp, so the result is never later than the broker's clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable, TopicMissing
from classwaves_ingestor.kafka.interface import BrokerClock, TimeSource
from classwaves_runtime.clock import Clock

RENEW_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 60.0
_DRIFT: Final = 0.0005
"""How much faster than real time a monotonic clock may run while NTP adjusts it."""


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A broker's time in Unix milliseconds, and a monotonic second that is not before it."""

    time_ms: int
    at: float

    def time_at(self, at: float) -> int:
        return self.time_ms + int((at - self.at) * 1000 * (1 - _DRIFT))


class BrokerTime:
    """The time of the brokers, from the clock topic or, without it, from consumed messages.

    One thread calls `now_ms`; another one may call `observe`.

    Args:
        broker_clock: read by `now_ms`.
        clock: gives monotonic seconds.
    """

    def __init__(self, broker_clock: BrokerClock, clock: Clock) -> None:
        self._broker_clock = broker_clock
        self._clock = clock
        self._read: _Anchor | None = None
        self._observed: _Anchor | None = None
        self._next_reading_at = clock.monotonic()
        self.problem: str | None = None
        """Why the last reading of the broker's clock failed; None if it did not."""

    @property
    def source(self) -> TimeSource:
        """Where the time comes from now."""
        if self._read is not None:
            return TimeSource.CLOCK_TOPIC
        return TimeSource.UNKNOWN if self._observed is None else TimeSource.MESSAGES

    def now_ms(self) -> int | None:
        """A time that a broker's clock has passed, in Unix milliseconds; None if unknown.

        Reads the broker's clock if that is due, which may take some seconds.
        """
        if self._clock.monotonic() >= self._next_reading_at:
            self._renew()
        anchor = self._read or self._observed
        return None if anchor is None else anchor.time_at(self._clock.monotonic())

    def observe(self, append_times_ms: Iterable[int]) -> None:
        """Take the times at which a broker appended messages that were consumed just now."""
        newest = max(append_times_ms, default=None)
        if newest is None:
            return
        at, known = self._clock.monotonic(), self._observed
        # An old anchor gives way to an earlier time too: its broker's clock may have been ahead.
        if known is None or newest >= known.time_at(at) or at - known.at >= RENEW_SECONDS:
            self._observed = _Anchor(newest, at)

    def _renew(self) -> None:
        try:
            time_ms = self._broker_clock.read()
        except (TopicMissing, BrokerRefused, BrokerUnavailable) as error:
            self.problem = str(error)
            self._next_reading_at = self._clock.monotonic() + RETRY_SECONDS
        else:
            self._read = _Anchor(time_ms, self._clock.monotonic())
            self.problem = None
            self._next_reading_at = self._read.at + RENEW_SECONDS
