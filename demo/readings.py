"""Readings of all pods and the ledger at one time, and what consecutive readings show."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from math import ceil

from demo.freshness import Sample, quantile
from demo.ledger_poller import LedgerTotals


class State(StrEnum):
    """The state of a pod."""

    READY = "ready"
    WAITING = "waiting"  # its /readyz reports that it is not ready
    SILENT = "silent"  # it runs and does not answer, as when it starts
    DOWN = "down"
    RUNNING = "running"  # it runs, and answers no probes
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PodReading:
    """The state of one pod.

    Args:
        name: what it is called.
        pid: its process; None if none runs.
        state: its state.
        waits_for: causes that its /readyz reports.
        lags: of the partitions that it reads, messages that it has not stored yet.
        spooled: events that wait in its spools.
        adopted: events that it took over from killed processes.
    """

    name: str
    pid: int | None
    state: State
    waits_for: Sequence[str] = ()
    lags: Mapping[int, int] = field(default_factory=dict)
    spooled: int = 0
    adopted: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of all pods and the ledger.

    Args:
        at: seconds of a monotonic clock.
        emitted: events that the SDK accepted.
        ends: by partition, how many messages the broker has, as the consumers or the ledger last
            known.
        ledger: what became of them.
        samples: of the events that became visible since the reading before.
        consumers, publishers, plain: the pods.
        broker_up: whether the broker answers.
    """

    at: float
    emitted: int
    ends: Mapping[int, int]
    ledger: LedgerTotals
    samples: Sequence[Sample]
    consumers: Sequence[PodReading]
    publishers: Sequence[PodReading]
    plain: Sequence[PodReading]
    broker_up: bool

    @property
    def sent(self) -> int:
        """Messages that the broker has."""
        return sum(self.ends.values())

    @property
    def owners(self) -> Mapping[int, PodReading]:
        """The assigned pod by partition, without unassigned partitions."""
        return {partition: pod for pod in self.consumers for partition in pod.lags}

    @property
    def lags(self) -> Mapping[int, int]:
        """Messages that are not stored yet, by partition."""
        known = {
            partition: end - self.ledger.positions[partition]
            for partition, end in self.ends.items()
        }
        return known | {partition: pod.lags[partition] for partition, pod in self.owners.items()}

    @property
    def spooled(self) -> int:
        """Events in spools."""
        return sum(pod.spooled for pod in self.publishers)

    @property
    def undisturbed(self) -> bool:
        """Whether the broker and all pods work, and each partition is read."""
        working = {State.READY, State.RUNNING, State.DONE}
        pods = (*self.consumers, *self.publishers, *self.plain)
        return (
            self.broker_up
            and all(pod.state in working for pod in pods)
            and self.owners.keys() >= self.ends.keys()
        )


_BLOCKS = " ▁▂▃▄▅▆▇█"
_WINDOW_SECONDS = 10.0
_READINGS = 120


class History:
    """The latest 120 readings."""

    def __init__(self) -> None:
        self._longest_in_outage: float | None = None
        self._readings: deque[Reading] = deque(maxlen=_READINGS)

    def add(self, reading: Reading) -> None:
        """Add a reading."""
        self._readings.append(reading)
        delayed = [each.seconds for each in reading.samples if each.in_outage]
        if delayed:
            self._longest_in_outage = max(self._longest_in_outage or 0.0, *delayed)

    @property
    def latest(self) -> Reading | None:
        """The newest reading, if there is any."""
        return self._readings[-1] if self._readings else None

    def rates(self, count: Callable[[Reading], float]) -> list[float]:
        """Return the growth per second between consecutive readings."""
        readings = [*self._readings]
        return [
            max(count(after) - count(before), 0.0) / (after.at - before.at)
            for before, after in pairwise(readings)
        ]

    @property
    def longest_in_outage(self) -> float | None:
        """The longest time until an event that a fault delayed could be queried; None without."""
        return self._longest_in_outage

    def freshness(self, share: float) -> float | None:
        """Return a quantile of the time until an event could be queried.

        It is exact, of the events of the last ten seconds that no injected fault delayed; None
        without such events.
        """
        if not self._readings:
            return None
        since = self._readings[-1].at - _WINDOW_SECONDS
        return quantile(
            share,
            [
                sample.seconds
                for reading in self._readings
                if reading.at > since
                for sample in reading.samples
                if not sample.in_outage
            ],
        )


def spark(values: Sequence[float], width: int, top: float) -> str:
    """The last `width` values as bars of eight heights: the highest for `top`, none for 0."""
    heights = (ceil(value / top * (len(_BLOCKS) - 1)) if top else 0 for value in values[-width:])
    return "".join(_BLOCKS[height] for height in heights)
