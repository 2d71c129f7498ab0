"""Ownership: which partitions the group grants us, and the position in the table that each builds on.

granted ──► asked ──► placed ──► (moved by another owner) ──► granted …
                        └─────► stopped (its next offset is gone; nothing more of it is read)
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from classwaves_ingestor.consumer.outcome import Place
from classwaves_runtime.clock import Clock
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Positions


class _Stage(Enum):
    GRANTED = auto()
    ASKED = auto()
    PLACED = auto()
    STOPPED = auto()


@dataclass(slots=True)
class _Owned:
    stage: _Stage = _Stage.GRANTED
    position: int | None = None
    first_offset: int = 0
    committed_at: float = 0.0


class Ownership:
    """The partitions that are ours.

    Args:
        clock: for how long each has been idle.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._owned: dict[int, _Owned] = {}

    def granted(self, partitions: Sequence[int]) -> None:
        """These are ours, nothing is known of them."""
        for partition in partitions:
            self._owned[partition] = _Owned()

    def withdrawn(self, partitions: Sequence[int]) -> None:
        """These are not ours any more."""
        for partition in partitions:
            self._owned.pop(partition, None)

    def unplaced(self) -> Sequence[int]:
        """Those whose place nobody has asked for; they count as asked from now on."""
        found = [
            partition for partition, owned in self._owned.items() if owned.stage is _Stage.GRANTED
        ]
        for partition in found:
            self._owned[partition].stage = _Stage.ASKED
        return found

    def located(self, places: Mapping[int, Place]) -> Mapping[int, Place]:
        """The places of those that are ours and were asked for; withdrawn and granted again, they are asked again."""
        wanted = {
            partition: place
            for partition, place in places.items()
            if partition in self._owned and self._owned[partition].stage is _Stage.ASKED
        }
        for partition, place in wanted.items():
            self._owned[partition] = _Owned(
                _Stage.PLACED, place.position, place.low, self._clock.monotonic()
            )
        return wanted

    def stop(self, partition: int) -> None:
        """Read no more of this one while it is ours."""
        if partition in self._owned:
            self._owned[partition].stage = _Stage.STOPPED

    def committed(self, positions: Mapping[int, int]) -> None:
        """The table stands here now, by our own commit."""
        for partition, position in positions.items():
            if partition in self._owned and self._owned[partition].stage is not _Stage.GRANTED:
                self._owned[partition].position = position
                self._owned[partition].committed_at = self._clock.monotonic()

    def moved(self, partitions: Collection[int]) -> Sequence[int]:
        """Another owner moved these; those that are still ours have to be placed anew, and are returned."""
        ours = [partition for partition in partitions if partition in self._owned]
        self.granted(ours)
        return ours

    def positions(self, partitions: Collection[int]) -> Positions:
        """What the next batch builds on."""
        return {partition: self._owned[partition].position for partition in partitions}

    def first_offsets(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Where reading of these began."""
        return {partition: self._owned[partition].first_offset for partition in partitions}

    def idle(self, seconds: float) -> Mapping[int, Progress]:
        """Progress that moves nothing, for the partitions without a commit for so long."""
        before = self._clock.monotonic() - seconds
        return {
            partition: Progress(
                owned.first_offset if owned.position is None else owned.position, owned.first_offset
            )
            for partition, owned in self._owned.items()
            if owned.stage is _Stage.PLACED and owned.committed_at <= before
        }

    def all_positions(self) -> Positions:
        """The next offset to store of every partition whose place is known."""
        return {
            partition: owned.position
            for partition, owned in self._owned.items()
            if owned.stage is _Stage.PLACED
        }

    def stopped(self) -> int:
        """How many cannot be read on."""
        return sum(owned.stage is _Stage.STOPPED for owned in self._owned.values())
