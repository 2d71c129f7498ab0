"""Kills processes as scheduled or on request, and starts them again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from demo.faults import AWAY_SECONDS, ScheduledKill, Target
from demo.processes import Broker, Processes

_CONSEQUENCES = {
    Target.CONSUMER: "without a clean shutdown",
    Target.PRODUCER: "its events stay in its spool",
    Target.BROKER: "nothing can be sent or fetched",
}


class Killable(Protocol):
    """A process that can be killed and started again. Its text is its name for people."""

    @property
    def up(self) -> bool:
        """Whether it can be killed now."""

    def kill(self) -> object:
        """SIGKILL."""

    def start(self) -> object:
        """Start it again, without waiting until it is ready."""


@dataclass(frozen=True)
class _Killed:
    target: Killable
    restart_at: float


class FaultInjector:
    """Keeps the schedule of kills, and restarts what was killed.

    Args:
        processes: of which consumers and SDK producers may be killed, the last first, in turns.
        broker: killed only if the demo started it.
        kills: the schedule.
        announce: receives one line for each kill and restart.
    """

    def __init__(
        self,
        processes: Processes,
        broker: Broker,
        kills: Iterable[ScheduledKill],
        announce: Callable[[str], None],
    ) -> None:
        self._queues: dict[Target, list[Killable]] = {
            Target.CONSUMER: [*reversed(processes.consumers)],
            Target.PRODUCER: [*reversed(processes.publishers)],
            Target.BROKER: [broker] if broker.can_be_killed else [],
        }
        self._consumers = processes.consumers
        self._broker = broker
        self._schedule = sorted(kills, key=lambda kill: kill.kill_at)
        self._killed: list[_Killed] = []
        self._announce = announce

    def run_due(self, now: float) -> None:
        """Kill and restart what is due `now` seconds after the start of the day."""
        while self._schedule and self._schedule[0].kill_at <= now:
            due = self._schedule.pop(0)
            self._kill(due.target, due.restart_at)
        for each in [killed for killed in self._killed if killed.restart_at <= now]:
            self._restart(each)

    def restart_failed(self) -> None:
        """Restart consumers that ended because the broker was down at their start.

        In production Kubernetes restarts them.
        """
        for pod in self._consumers:
            if pod.failed and pod.started_at < self._broker.back_at:
                pod.start()
                self._announce(f"{pod} starts again: the broker was down at its last start.")

    def kill_now(self, target: Target, now: float) -> None:
        """Kill one process of a kind, and schedule its restart."""
        self._kill(target, now + AWAY_SECONDS[target])

    def restart_all(self) -> None:
        """Drop the schedule, and restart everything that was killed."""
        self._schedule.clear()
        for each in [*self._killed]:
            self._restart(each)

    @property
    def finished(self) -> bool:
        """Whether no kill is due and everything is up.

        Raises:
            StartError: the broker did not start again.
        """
        return not self._schedule and not self._killed and self._broker.up

    def _kill(self, target: Target, restart_at: float) -> None:
        if target is Target.BROKER and not self._broker.can_be_killed:
            self._announce("The broker is not killed: the demo did not start it.")
            return
        queue = self._queues[target]
        process = next((each for each in queue if each.up), None)
        if process is None:
            self._announce(f"No {target} is running that could be killed.")
            return
        queue.remove(process)
        queue.append(process)
        self._announce(f"SIGKILL: {process}, {_CONSEQUENCES[target]}.")
        process.kill()
        self._killed.append(_Killed(process, restart_at))

    def _restart(self, killed: _Killed) -> None:
        self._killed.remove(killed)
        killed.target.start()
        self._announce(f"{killed.target} starts again.")
