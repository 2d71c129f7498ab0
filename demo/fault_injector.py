"""Injects faults as scheduled, or kills on request, and ends them again."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from demo.faults import AWAY_SECONDS, Kind, ScheduledFault, Target
from demo.processes import Broker, Processes

_CONSEQUENCES = {
    (Target.CONSUMER, Kind.KILL): "without a clean shutdown",
    (Target.CONSUMER, Kind.FREEZE): "the group expels it, and it comes back as a zombie",
    (Target.CONSUMER, Kind.FULL_DISK): "it can write no file",
    (Target.PRODUCER, Kind.KILL): "its events stay in its spool",
    (Target.BROKER, Kind.KILL): "nothing can be sent or fetched",
    (Target.NETWORK, Kind.CUT): "no client reaches the broker",
}


class Victim(Protocol):
    """What faults hit. Its text is its name for people."""

    @property
    def up(self) -> bool:
        """Whether it can be hit now."""

    def begin(self, kind: Kind) -> object:
        """Let a fault begin."""

    def end(self, kind: Kind) -> object:
        """Let it end, without waiting until all is well again."""


@dataclass(frozen=True)
class _Open:
    victim: Victim
    kind: Kind
    end_at: float


class FaultInjector:
    """Keeps the schedule of faults, and ends those that are open.

    Args:
        processes: of which consumers and SDK producers may be hit, the last first, in turns.
        broker: killed only if the demo started it.
        network: between the broker and its clients; None if it cannot be cut.
        faults: the schedule.
        announce: receives one line for each begin and end.
    """

    def __init__(
        self,
        processes: Processes,
        broker: Broker,
        network: Victim | None,
        faults: Iterable[ScheduledFault],
        announce: Callable[[str], None],
    ) -> None:
        self._queues: dict[Target, list[Victim]] = {
            Target.CONSUMER: [*reversed(processes.consumers)],
            Target.PRODUCER: [*reversed(processes.publishers)],
            Target.BROKER: [broker] if broker.can_be_killed else [],
            Target.NETWORK: [] if network is None else [network],
        }
        self._broker = broker
        self._schedule = sorted(faults, key=lambda fault: fault.begin_at)
        self._open: list[_Open] = []
        self.counts: Counter[str] = Counter()
        """The faults so far, by target and kind."""
        self._announce = announce

    def run_due(self, now: float) -> None:
        """Begin and end what is due `now` seconds after the start of the day."""
        while self._schedule and self._schedule[0].begin_at <= now:
            due = self._schedule.pop(0)
            self._begin(due.target, due.kind, due.end_at)
        for each in [fault for fault in self._open if fault.end_at <= now]:
            self._end(each)

    def kill_now(self, target: Target, now: float) -> None:
        """Kill one process of a kind, and schedule its restart."""
        self._begin(target, Kind.KILL, now + AWAY_SECONDS[target])

    def restart_all(self) -> None:
        """Drop the schedule, and end everything that is open."""
        self._schedule.clear()
        for each in [*self._open]:
            self._end(each)

    @property
    def active(self) -> bool:
        """Whether a fault is open."""
        return bool(self._open)

    @property
    def finished(self) -> bool:
        """Whether no fault is due and everything is up.

        Raises:
            StartError: the broker did not start again.
        """
        return not self._schedule and not self._open and self._broker.up

    def _begin(self, target: Target, kind: Kind, end_at: float) -> None:
        if target is Target.BROKER and not self._broker.can_be_killed:
            self._announce("The broker is not killed: the demo did not start it.")
            return
        queue = self._queues[target]
        victim = next((each for each in queue if each.up), None)
        if victim is None:
            self._announce(f"No {target} is running that could be hit.")
            return
        queue.remove(victim)
        queue.append(victim)
        self._announce(f"{kind}: {victim}, {_CONSEQUENCES[target, kind]}.")
        self.counts[f"{kind} of a {target}"] += 1
        victim.begin(kind)
        self._open.append(_Open(victim, kind, end_at))

    def _end(self, fault: _Open) -> None:
        self._open.remove(fault)
        fault.victim.end(fault.kind)
        again = "starts again" if fault.kind is Kind.KILL else "goes on"
        self._announce(f"{fault.victim} {again}.")
