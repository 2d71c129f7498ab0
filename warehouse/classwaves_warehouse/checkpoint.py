"""How far a partition is ingested, and counters of its messages up to there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StopReason(IntEnum):
    """Why the owner of a partition stopped reading it. The numbers are stored."""

    LOG_ENDS_BELOW_POSITION = 1
    LOG_LOST_ITS_TAIL = 2
    CORRUPT_BATCH = 3
    MOST_MESSAGES_BAD = 4


@dataclass(frozen=True, slots=True)
class RecentMessages:
    """The latest messages of a partition, and the bad ones among them.

    Args:
        messages: the number of messages, at most a window.
        bad: how many of them the contract refused and no operator had released.
    """

    messages: int = 0
    bad: int = 0


NO_MESSAGES: Final = RecentMessages()


@dataclass(frozen=True, slots=True)
class Progress:
    """What one commit adds to one partition's checkpoint.

    Args:
        position: the *next* offset to read after the commit.
        first_offset: where reading began, if this is the partition's first commit; ignored in
            later ones.
        dead_lettered: messages sent to the dead letters, by reason code.
        holes: offsets that the broker never delivered (transaction markers, aborted or compacted
            messages).
        erased: messages of erased persons, which are not stored again.
        expired: offsets that retention deleted before they were read.
        superseded: offsets that were covered before, when the log lost its tail and the position
            returned to where the log parted.
        leader_epoch: of the last message before the position; None if the commit read no message.
        stopped: why the owner stopped reading this partition; None while it reads.
        recent: the latest messages before the position; None if they are those of the checkpoint.
        released_until: bad messages below this offset are dead-lettered, however many they are;
            None if this does not change.
        ingested_through_ms: broker time through which the partition is ingested, in Unix
            milliseconds; None if unknown. It replaces the checkpoint's time, also by an earlier
            one: a time that was too late would otherwise stay.
    """

    position: int
    first_offset: int = 0
    dead_lettered: Mapping[str, OffsetSums] = field(default_factory=dict)
    holes: OffsetSums = NO_OFFSETS
    erased: OffsetSums = NO_OFFSETS
    expired: OffsetSums = NO_OFFSETS
    superseded: range = range(0)
    leader_epoch: int | None = None
    stopped: StopReason | None = None
    recent: RecentMessages | None = None
    released_until: int | None = None
    ingested_through_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one partition in the ledger. Counters are cumulative since `first_offset`.

    Guarantee G2: position - first_offset + superseded = stored rows + duplicates + dead_lettered +
    erased + holes + expired. Stored rows are counted from the table, by kafka_partition and
    kafka_offset. From `summed_from` on the same is true of the sums, and of the sums of squares.

    Args:
        position: the next offset to read.
        first_offset: where reading began.
        summed_from: where the sums of the counters begin: above `first_offset` if an earlier
            version without sums wrote the first commits.
        duplicates: messages whose identity was stored from another message.
        conflicting: those of the duplicates whose event_time or payload differs.
        acknowledged: expired offsets that an operator has acknowledged.
        superseded_until: end of the highest superseded range; rows below it may be of a lost tail.

    The others are explained at `Progress`.
    """

    position: int
    first_offset: int
    summed_from: int = 0
    duplicates: OffsetSums = NO_OFFSETS
    conflicting: int = 0
    erased: OffsetSums = NO_OFFSETS
    holes: OffsetSums = NO_OFFSETS
    expired: OffsetSums = NO_OFFSETS
    acknowledged: int = 0
    superseded: OffsetSums = NO_OFFSETS
    superseded_until: int = 0
    dead_lettered: Mapping[str, OffsetSums] = field(default_factory=dict)
    leader_epoch: int | None = None
    stopped: StopReason | None = None
    recent: RecentMessages = NO_MESSAGES
    released_until: int = 0
    ingested_through_ms: int | None = None

    @property
    def covered(self) -> range:
        """The offsets of which rows are counted, those of a lost tail included."""
        return range(self.first_offset, max(self.position, self.superseded_until))

    @property
    def dead_letters(self) -> OffsetSums:
        """All dead-lettered messages."""
        return sum(self.dead_lettered.values(), NO_OFFSETS)

    def advanced(
        self, progress: Progress, duplicates: OffsetSums, conflicting: int
    ) -> "Checkpoint":
        """The checkpoint after a commit.

        Args:
            progress: what the commit adds.
            duplicates: messages of the commit that were repeats.
            conflicting: repeats with another event_time or payload.
        """
        dead_lettered = dict(self.dead_lettered)
        for reason, offsets in progress.dead_lettered.items():
            dead_lettered[reason] = dead_lettered.get(reason, NO_OFFSETS) + offsets
        superseded = progress.superseded
        return replace(
            self,
            position=progress.position,
            duplicates=self.duplicates + duplicates,
            conflicting=self.conflicting + conflicting,
            erased=self.erased + progress.erased,
            holes=self.holes + progress.holes,
            expired=self.expired + progress.expired,
            superseded=self.superseded + OffsetSums.of_range(superseded.start, superseded.stop),
            superseded_until=max(self.superseded_until, superseded.stop),
            dead_lettered=dead_lettered,
            leader_epoch=self.leader_epoch
            if progress.leader_epoch is None
            else progress.leader_epoch,
            stopped=progress.stopped,
            recent=self.recent if progress.recent is None else progress.recent,
            released_until=self.released_until
            if progress.released_until is None
            else progress.released_until,
            ingested_through_ms=progress.ingested_through_ms,
        )


def begun(progress: Progress) -> Checkpoint:
    """The checkpoint of a partition without one, before its first commit is applied."""
    first = progress.first_offset
    return Checkpoint(position=first, first_offset=first, summed_from=first)


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
