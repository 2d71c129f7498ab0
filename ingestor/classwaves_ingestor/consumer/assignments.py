"""The partitions assigned to this consumer, and the table position that each continues from.

assigned ──► resolving ──► fetching ──► (fenced by another owner) ──► assigned …
                               └─────► stopped (its next offset is no longer on the broker)
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from classwaves_runtime.clock import Clock
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Positions


@dataclass(frozen=True, slots=True)
class StartOffset:
    """The start offset of an assigned partition, from table and broker.

    Args:
        position: the table's position; None if the partition was never committed.
        low: the broker's low watermark.
        high: the broker's high watermark.
    """

    position: int | None
    low: int
    high: int


class _State(Enum):
    ASSIGNED = auto()
    RESOLVING = auto()
    FETCHING = auto()
    STOPPED = auto()


@dataclass(slots=True)
class _Assignment:
    state: _State = _State.ASSIGNED
    position: int | None = None
    first_offset: int = 0
    committed_at: float = 0.0


class PartitionAssignments:
    """The assigned partitions and their states.

    Args:
        clock: measures how long a partition has had no commit.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._assigned: dict[int, _Assignment] = {}

    def on_assigned(self, partitions: Sequence[int]) -> None:
        """Add these partitions. Their start offsets are unknown."""
        for partition in partitions:
            self._assigned[partition] = _Assignment()

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """Remove these partitions."""
        for partition in partitions:
            self._assigned.pop(partition, None)

    def unresolved(self) -> Sequence[int]:
        """The partitions whose start offset is not requested yet; marks them as requested."""
        found = [
            partition for partition, each in self._assigned.items() if each.state is _State.ASSIGNED
        ]
        for partition in found:
            self._assigned[partition].state = _State.RESOLVING
        return found

    def on_resolved(self, offsets: Mapping[int, StartOffset]) -> Mapping[int, StartOffset]:
        """Accept start offsets, and return those of partitions that still wait for one.

        A partition that was revoked and assigned again meanwhile needs a new request.
        """
        awaited = {
            partition: offset
            for partition, offset in offsets.items()
            if partition in self._assigned and self._assigned[partition].state is _State.RESOLVING
        }
        for partition, offset in awaited.items():
            self._assigned[partition] = _Assignment(
                _State.FETCHING, offset.position, offset.low, self._clock.monotonic()
            )
        return awaited

    def stop(self, partition: int) -> None:
        """Stop reading this partition for as long as it stays assigned."""
        if partition in self._assigned:
            self._assigned[partition].state = _State.STOPPED

    def on_committed(self, positions: Mapping[int, int]) -> None:
        """Record the positions that our own commit wrote."""
        for partition, position in positions.items():
            each = self._assigned.get(partition)
            if each is not None and each.state is not _State.ASSIGNED:
                each.position = position
                each.committed_at = self._clock.monotonic()

    def restart(self, partitions: Collection[int]) -> Sequence[int]:
        """Forget the positions of these partitions, and return those that are still assigned."""
        ours = [partition for partition in partitions if partition in self._assigned]
        self.on_assigned(ours)
        return ours

    def positions(self, partitions: Collection[int]) -> Positions:
        """The positions that the next batch continues from."""
        return {partition: self._assigned[partition].position for partition in partitions}

    def first_offsets(self, partitions: Collection[int]) -> Mapping[int, int]:
        """The offsets at which reading of these partitions began."""
        return {partition: self._assigned[partition].first_offset for partition in partitions}

    def idle(self, seconds: float) -> Mapping[int, Progress]:
        """Progress without movement, for partitions that had no commit for this long."""
        before = self._clock.monotonic() - seconds
        return {
            partition: Progress(
                each.first_offset if each.position is None else each.position, each.first_offset
            )
            for partition, each in self._assigned.items()
            if each.state is _State.FETCHING and each.committed_at <= before
        }

    def fetching_positions(self) -> Positions:
        """The next offset to store of each partition that is being fetched."""
        return {
            partition: each.position
            for partition, each in self._assigned.items()
            if each.state is _State.FETCHING
        }

    def stopped(self) -> int:
        """The number of stopped partitions."""
        return sum(each.state is _State.STOPPED for each in self._assigned.values())
