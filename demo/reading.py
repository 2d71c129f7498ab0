"""How everything stands at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from demo.gauge import Ledger


class State(StrEnum):
    """How a pod does."""

    READY = "ready"
    WAITING = "waiting"  # it says itself that it is not ready
    SILENT = "silent"  # it runs and does not answer, as when it starts
    DOWN = "down"
    RUNNING = "running"  # it runs, and answers no probes
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PodReading:
    """How one pod stands.

    Args:
        name: what it is called.
        pid: its process; None if none runs.
        state: how it does.
        waits_for: the causes that it gives for not being ready.
        lags: of the partitions that it reads, messages that it has not stored yet.
        spooled: events that wait in its spools.
        adopted: events that it took over from dead processes.
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
    """How everything stands.

    Args:
        at: seconds of a monotonic clock.
        emitted: events that the SDK has taken.
        ends: by partition, how many messages the broker has, as the consumers or the ledger last told.
        ledger: what became of them.
        latencies: how many events took how long until they could be queried: for each bound of the metric the number
            of those within it, and the number of all.
        consumers, publishers, plain: the pods.
        broker_up: whether the broker answers.
    """

    at: float
    emitted: int
    ends: Mapping[int, int]
    ledger: Ledger
    latencies: Sequence[float]
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
        """By partition, who reads it; a partition that nobody reads is missing."""
        return {partition: pod for pod in self.consumers for partition in pod.lags}

    @property
    def lags(self) -> Mapping[int, int]:
        """By partition, messages that are not stored yet: what its owner tells, or else what is known."""
        known = {
            partition: end - self.ledger.positions[partition]
            for partition, end in self.ends.items()
        }
        return known | {partition: pod.lags[partition] for partition, pod in self.owners.items()}

    @property
    def spooled(self) -> int:
        """Events that wait in spools."""
        return sum(pod.spooled for pod in self.publishers)
