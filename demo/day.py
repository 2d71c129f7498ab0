"""The part of a play in which producers send."""

import time
from collections.abc import Mapping

from classwaves_ingestor import metrics
from demo.audience import Audience
from demo.cast import Cast
from demo.chaos import Chaos
from demo.errors import NotDrained
from demo.history import History
from demo.incident import Victim
from demo.monitor import Monitor
from demo.reading import Reading, State

_TICK_SECONDS = 0.1
_SLACK_SECONDS = 150.0
_VICTIMS: Mapping[str, Victim] = {"c": Victim.CONSUMER, "p": Victim.PRODUCER, "b": Victim.BROKER}
_QUIT = "q"


class Day:
    """A day that passes.

    Args:
        seconds: how long producers send.
        begins_at: Unix time at which they begin.
        cast: who plays.
        chaos: kills them.
        monitor: tells how they are.
        watching: who is told, and who presses keys.
        every: seconds between two readings.
    """

    def __init__(
        self,
        *,
        seconds: float,
        begins_at: float,
        cast: Cast,
        chaos: Chaos,
        monitor: Monitor,
        watching: Audience,
        every: float,
    ) -> None:
        self._seconds = seconds
        self._begins_at = begins_at
        self._cast = cast
        self._chaos = chaos
        self._monitor = monitor
        self._watching = watching
        self._every = every
        self._history = History(metrics.EVENT_LATENCY.bounds)

    def pass_by(self) -> None:
        """Return when all producers have ended and the broker has all that they sent.

        Raises:
            ProcessDied: a process ended that nobody killed.
            NotDrained: the producers do not come to an end.
            StartError: the broker did not come back.
        """
        look_at = self._begins_at
        ending = False
        while not (self._chaos.over and all(pod.ended for pod in self._cast.producers)):
            now = time.time()
            since = now - self._begins_at
            if not ending and (since >= self._seconds or self._hears(self._watching.key(), since)):
                ending = True
                self._end(cut_short=since < self._seconds)
            if not ending:
                self._chaos.turn(since)
            if now >= look_at:
                self.look()
                look_at = now + self._every
            if since > self._seconds + _SLACK_SECONDS:
                raise NotDrained(
                    f"The producers are still sending {_SLACK_SECONDS:.0f} s after the end of their day."
                )
            time.sleep(_TICK_SECONDS)
        self._check()
        self._watching.say(
            "The day is over: the producers have ended, the broker has all that they sent."
        )

    def look(self) -> Reading:
        """Take a reading and show it. Raises ProcessDied if a process ended that nobody killed."""
        self._chaos.mend()
        self._check()
        reading = self._monitor.read()
        self._history.add(reading)
        self._watching.tell(self._history)
        return reading

    def _hears(self, key: str, since: float) -> bool:
        """Do what a key asks for; whether that is the end of the day."""
        if key in _VICTIMS:
            self._chaos.strike(_VICTIMS[key], since)
        return key == _QUIT

    def _end(self, *, cut_short: bool) -> None:
        self._chaos.calm()
        if not cut_short:
            return
        self._watching.say("The day is cut short: the producers get SIGTERM.")
        # One that has just come back takes over its predecessor's spool before it hears SIGTERM.
        while any(pod.state is State.SILENT for pod in self.look().publishers):
            time.sleep(_TICK_SECONDS)
        for pod in self._cast.producers:
            pod.terminate()

    def _check(self) -> None:
        for pod in (*self._cast.consumers, *self._cast.producers):
            pod.check()
