"""How far a partition is stored, and what became of every message before that point."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Progress:
    """What one commit adds to one partition's checkpoint.

    Args:
        position: the *next* offset to read once the commit has landed.
        first_offset: where reading began; kept from the partition's first commit, ignored in later ones.
        dead_lettered: messages that went to the dead letters, by reason code.
        holes: offsets that the broker never delivered (transaction markers, aborted, compacted, expired).
        erased: messages whose person has been erased from the table, hence not stored again.
        stored_until_ms: broker time (Unix milliseconds) up to which the partition is now stored, or None if unknown.
    """

    position: int
    first_offset: int = 0
    dead_lettered: Mapping[str, int] = field(default_factory=dict)
    holes: int = 0
    erased: int = 0
    stored_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One partition's place in the ledger. All counts are cumulative since `first_offset`.

    The ledger's equation (G2): position - first_offset = rows stored + duplicates + dead_lettered + erased + holes.
    Rows are not counted here: they are counted from the table, by their kafka_partition and kafka_offset.
    `conflicting` counts those of the duplicates whose event_time or payload differed from what was stored first.
    """

    position: int
    first_offset: int
    duplicates: int = 0
    conflicting: int = 0
    erased: int = 0
    holes: int = 0
    dead_lettered: Mapping[str, int] = field(default_factory=dict)
    stored_until_ms: int | None = None

    def advanced(self, progress: Progress, duplicates: int, conflicting: int) -> "Checkpoint":
        """The checkpoint after a commit that made `progress` and met this many duplicates in the table."""
        letters = dict(self.dead_lettered)
        for reason, count in progress.dead_lettered.items():
            letters[reason] = letters.get(reason, 0) + count
        return replace(
            self,
            position=progress.position,
            duplicates=self.duplicates + duplicates,
            conflicting=self.conflicting + conflicting,
            erased=self.erased + progress.erased,
            holes=self.holes + progress.holes,
            dead_lettered=letters,
            stored_until_ms=_later(self.stored_until_ms, progress.stored_until_ms),
        )


def begun(progress: Progress) -> Checkpoint:
    """The checkpoint of a partition that has none yet, before its first commit is applied."""
    return Checkpoint(position=progress.first_offset, first_offset=progress.first_offset)


def stored_until(incarnations: Iterable[Mapping[int, Checkpoint]]) -> Mapping[int, datetime | None]:
    """By partition, the broker time up to which the latest of a topic's incarnations is stored.

    Args:
        incarnations: the checkpoints of each incarnation that was accepted. The one that is stored furthest is the
            latest: nothing more comes into a topic that was deleted.
    """
    latest = max(incarnations, key=_reach, default={})
    return {partition: _moment(held.stored_until_ms) for partition, held in latest.items()}


def _reach(checkpoints: Mapping[int, Checkpoint]) -> int:
    return max((held.stored_until_ms or 0 for held in checkpoints.values()), default=-1)


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)


def _later(one: int | None, other: int | None) -> int | None:
    known = [moment for moment in (one, other) if moment is not None]
    return max(known, default=None)
