"""What the ledger's thread answers to the pipeline."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from classwaves_warehouse.interface import Stored


@dataclass(frozen=True, slots=True)
class Place:
    """Where to read a granted partition.

    Args:
        position: as the table has it; None if the partition has never been committed.
        low: the first offset that the broker still has.
        high: the next one that it will give.
    """

    position: int | None
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a micro-batch.

    Args:
        stored: what the table took; no rows if all its partitions had moved.
        positions: by partition, where the table stands now because of this batch.
        moved: partitions that another owner has moved; nothing of them was stored.
        seconds: from taking the batch in hand until it was settled, waits included.
    """

    stored: Stored
    positions: Mapping[int, int]
    moved: Collection[int]
    seconds: float
