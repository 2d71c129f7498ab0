"""How far a partition is ingested, and counters of its messages up to there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Progress:
    """What one commit adds to one partition's checkpoint.

    Args:
        position: the *next* offset to read after the commit.
        first_offset: where reading began; kept from the partition's first commit and ignored in
            later ones.
        dead_lettered: messages sent to the dead letters, by reason code.
        holes: offsets that the broker never delivered (transaction markers, aborted, compacted or
            expired messages).
        erased: messages of erased persons, which are not stored again.
        ingested_through_ms: broker time through which the partition is ingested, in Unix
            milliseconds; None if unknown. It replaces the checkpoint's time, also by an earlier
            one: a time that was too late would otherwise stay.
    """

    position: int
    first_offset: int = 0
    dead_lettered: Mapping[str, int] = field(default_factory=dict)
    holes: int = 0
    erased: int = 0
    ingested_through_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one partition in the ledger. Counters are cumulative since `first_offset`.

    Guarantee G2: position - first_offset = stored rows + duplicates + dead_lettered + erased +
    holes. Stored rows are counted from the table, by kafka_partition and kafka_offset.
    `conflicting` counts the duplicates whose event_time or payload differs from the stored row.
    """

    position: int
    first_offset: int
    duplicates: int = 0
    conflicting: int = 0
    erased: int = 0
    holes: int = 0
    dead_lettered: Mapping[str, int] = field(default_factory=dict)
    ingested_through_ms: int | None = None

    def advanced(self, progress: Progress, duplicates: int, conflicting: int) -> "Checkpoint":
        """The checkpoint after a commit.

        Args:
            progress: what the commit adds.
            duplicates: rows of the commit that were repeats.
            conflicting: repeats with another event_time or payload.
        """
        dead_lettered = dict(self.dead_lettered)
        for reason, count in progress.dead_lettered.items():
            dead_lettered[reason] = dead_lettered.get(reason, 0) + count
        return replace(
            self,
            position=progress.position,
            duplicates=self.duplicates + duplicates,
            conflicting=self.conflicting + conflicting,
            erased=self.erased + progress.erased,
            holes=self.holes + progress.holes,
            dead_lettered=dead_lettered,
            ingested_through_ms=progress.ingested_through_ms,
        )


def begun(progress: Progress) -> Checkpoint:
    """The checkpoint of a partition without one, before its first commit is applied."""
    return Checkpoint(position=progress.first_offset, first_offset=progress.first_offset)


def ingested_through(
    checkpoints_by_topic_id: Iterable[Mapping[int, Checkpoint]],
) -> Mapping[int, datetime | None]:
    """The broker time through which each partition of the latest topic id is ingested.

    Args:
        checkpoints_by_topic_id: the checkpoints of each accepted topic id. The id that is ingested
            furthest is the latest: a deleted topic gets no new messages.
    """
    latest = max(checkpoints_by_topic_id, key=_furthest, default={})
    return {
        partition: _datetime(checkpoint.ingested_through_ms)
        for partition, checkpoint in latest.items()
    }


def _furthest(checkpoints: Mapping[int, Checkpoint]) -> int:
    return max((each.ingested_through_ms or 0 for each in checkpoints.values()), default=-1)


def _datetime(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
