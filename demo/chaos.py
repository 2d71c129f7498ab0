"""Kills what it is told to kill, and brings it back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from demo.broker import Broker
from demo.cast import Cast
from demo.incident import AWAY_SECONDS, Incident, Victim

_EPITAPHS = {
    Victim.CONSUMER: "in the middle of whatever it did",
    Victim.PRODUCER: "its spool waits",
    Victim.BROKER: "nothing can be sent or fetched",
}


class Mortal(Protocol):
    """What can be killed and started again. Its text is what people call it."""

    @property
    def up(self) -> bool:
        """Whether it can be killed now."""

    def kill(self) -> object:
        """SIGKILL."""

    def start(self) -> object:
        """Start it again; it may take a while to come up."""


@dataclass(frozen=True)
class _Dead:
    who: Mortal
    back: float


class Chaos:
    """Who is dead, and what is still to happen.

    Args:
        cast: whose consumers and SDK producers may be killed, the last first, all in turn.
        broker: which may be killed if it is ours.
        script: incidents.
        say: who is told.
    """

    def __init__(
        self, cast: Cast, broker: Broker, script: Iterable[Incident], say: Callable[[str], None]
    ) -> None:
        self._queues: dict[Victim, list[Mortal]] = {
            Victim.CONSUMER: [*reversed(cast.consumers)],
            Victim.PRODUCER: [*reversed(cast.publishers)],
            Victim.BROKER: [broker] if broker.mortal else [],
        }
        self._consumers = cast.consumers
        self._broker = broker
        self._script = sorted(script, key=lambda incident: incident.killed)
        self._dead: list[_Dead] = []
        self._say = say

    def turn(self, now: float) -> None:
        """Do what is due so many seconds after the day's begin."""
        while self._script and self._script[0].killed <= now:
            incident = self._script.pop(0)
            self._kill(incident.victim, incident.back)
        for each in [dead for dead in self._dead if dead.back <= now]:
            self._revive(each)

    def mend(self) -> None:
        """Start the consumers again that gave up because there was no broker to begin with, as Kubernetes would."""
        for pod in self._consumers:
            if pod.failed and pod.started_at < self._broker.back_at:
                pod.start()
                self._say(f"{pod} starts again: the last one found no broker.")

    def strike(self, victim: Victim, now: float) -> None:
        """Kill one of these now; it comes back after a while."""
        self._kill(victim, now + AWAY_SECONDS[victim])

    def calm(self) -> None:
        """Kill nothing more and start everybody again."""
        self._script.clear()
        for each in [*self._dead]:
            self._revive(each)

    @property
    def over(self) -> bool:
        """Whether nothing is to come and nobody is away. Raises StartError if the broker does not come back."""
        return not self._script and not self._dead and self._broker.up

    def _kill(self, victim: Victim, back: float) -> None:
        if victim is Victim.BROKER and not self._broker.mortal:
            self._say("The broker is left alone: it is no process that the demo could start again.")
            return
        queue = self._queues[victim]
        who = next((each for each in queue if each.up), None)
        if who is None:
            self._say(f"No {victim} is up to be killed.")
            return
        queue.remove(who)
        queue.append(who)
        self._say(f"SIGKILL: {who}, {_EPITAPHS[victim]}.")
        who.kill()
        self._dead.append(_Dead(who, back))

    def _revive(self, dead: _Dead) -> None:
        self._dead.remove(dead)
        dead.who.start()
        self._say(f"{dead.who} starts again.")
