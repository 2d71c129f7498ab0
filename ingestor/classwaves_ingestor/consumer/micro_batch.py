"""The batch stage: rows and rejects are buffered until a commit is due."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from classwaves_ingestor.consumer.admit import OffsetRange
from classwaves_ingestor.consumer.decode import Decoded, Reject
from classwaves_warehouse.batch import ROWS
from classwaves_warehouse.checkpoint import Progress, RecentMessages
from classwaves_warehouse.interface import Positions, Stored
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """Limits at which a micro-batch is due: rows, bytes, seconds since its first message."""

    rows: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """The immutable content of one commit.

    Args:
        rows: in order of arrival, repeats included.
        rejects: messages to dead-letter before the rows are committed.
        expected: by partition, the table position that this batch continues from.
        progress: by partition, what the commit adds.
        bytes: memory of this batch.
    """

    rows: pa.Table
    rejects: Sequence[Reject]
    expected: Positions
    progress: Mapping[int, Progress]
    bytes: int = 0

    def without(self, partitions: Collection[int]) -> "MicroBatch":
        """The same batch, without these partitions."""
        return MicroBatch(
            rows=_without(self.rows, partitions),
            rejects=[each for each in self.rejects if each.message.partition() not in partitions],
            expected={key: value for key, value in self.expected.items() if key not in partitions},
            progress={key: value for key, value in self.progress.items() if key not in partitions},
            bytes=self.bytes,
        )


@dataclass(frozen=True, slots=True)
class CommitResult:
    """The result of committing a micro-batch.

    Args:
        stored: the warehouse's result; without rows if every partition was fenced.
        positions: by partition, the table position that this commit wrote.
        fenced: partitions that another owner has moved; nothing of them was stored.
        seconds: duration of the commit, waits included.
    """

    stored: Stored
    positions: Mapping[int, int]
    fenced: Collection[int]
    seconds: float


@dataclass(slots=True)
class _PartitionProgress:
    position: int
    holes: OffsetSums = NO_OFFSETS
    expired: OffsetSums = NO_OFFSETS
    leader_epoch: int | None = None
    dead_lettered: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class _Buffer:
    since: float
    tables: list[pa.Table] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    progress: dict[int, _PartitionProgress] = field(default_factory=dict)
    bytes: int = 0


class BatchBuilder:
    """Buffers decoded messages and builds micro-batches from them.

    Args:
        policy: when a batch is due.
    """

    def __init__(self, policy: BatchPolicy) -> None:
        self._policy = policy
        self._buffer = _Buffer(since=0.0)

    def __bool__(self) -> bool:
        """Whether the buffer has anything to commit."""
        return bool(self._buffer.progress)

    @property
    def partitions(self) -> Collection[int]:
        """The partitions whose position the batch would advance."""
        return self._buffer.progress.keys()

    @property
    def bytes(self) -> int:
        """Memory of the buffer."""
        return self._buffer.bytes

    def add(self, decoded: Decoded, ranges: Mapping[int, OffsetRange], now: float) -> None:
        """Buffer the result of a poll.

        Args:
            decoded: its rows and rejects.
            ranges: by partition, the offsets that it covered.
            now: monotonic seconds.
        """
        if ranges and not self:
            self._buffer.since = now
        buffer = self._buffer
        for partition, covered in ranges.items():
            progressed = buffer.progress.setdefault(partition, _PartitionProgress(covered.position))
            progressed.position = covered.position
            progressed.holes += covered.holes
            if covered.leader_epoch is not None:
                progressed.leader_epoch = covered.leader_epoch
        for reject in decoded.rejects:
            message, reason = reject.message, reject.rejection.reason.value
            buffer.progress[message.partition()].dead_lettered[reason].append(message.offset())
        if decoded.rows.num_rows:
            buffer.tables.append(decoded.rows)
        buffer.rejects += decoded.rejects
        buffer.bytes += decoded.bytes

    def add_expired(self, partition: int, expired: range, now: float) -> None:
        """Buffer offsets that retention deleted, and go on after them.

        Args:
            partition: one without anything buffered.
            expired: the offsets, from the partition's position on.
            now: monotonic seconds.
        """
        if not self:
            self._buffer.since = now
        self._buffer.progress[partition] = _PartitionProgress(
            expired.stop, expired=OffsetSums.of_range(expired.start, expired.stop)
        )

    def due(self, now: float) -> bool:
        """Whether a commit is due at this monotonic second."""
        policy, buffer = self._policy, self._buffer
        return bool(self) and (
            now - buffer.since >= policy.seconds
            or buffer.bytes >= policy.bytes
            or sum(table.num_rows for table in buffer.tables) + len(buffer.rejects) >= policy.rows
        )

    def drop(self, partitions: Collection[int]) -> None:
        """Discard these partitions; their next owner reads them again."""
        buffer = self._buffer
        if buffer.progress.keys().isdisjoint(partitions):
            return
        kept = [_without(table, partitions) for table in buffer.tables]
        rejects = [each for each in buffer.rejects if each.message.partition() not in partitions]
        self._buffer = _Buffer(
            since=buffer.since,
            tables=kept,
            rejects=rejects,
            progress={
                key: progressed
                for key, progressed in buffer.progress.items()
                if key not in partitions
            },
            bytes=sum(Decoded(table).bytes for table in kept)
            + Decoded(ROWS.empty_table(), rejects).bytes,
        )

    def age(self, now: float) -> float:
        """Seconds since the first buffered message, at this monotonic second."""
        return now - self._buffer.since if self else 0.0

    def build(
        self,
        expected: Positions,
        low_watermarks: Mapping[int, int],
        unmoved: Mapping[int, Progress],
        recent: Mapping[int, RecentMessages],
    ) -> MicroBatch:
        """Build a batch from the buffer, and empty the buffer.

        Args:
            expected: table positions of `partitions` and of the unmoved ones.
            low_watermarks: by partition of `partitions`, its checkpoint's first_offset if it has
                no checkpoint yet.
            unmoved: progress of partitions without anything to store.
            recent: by partition of `partitions`, its latest messages.
        """
        buffer, self._buffer = self._buffer, _Buffer(since=0.0)
        return MicroBatch(
            rows=pa.concat_tables([ROWS.empty_table(), *buffer.tables]).combine_chunks(),
            rejects=buffer.rejects,
            expected=expected,
            progress={
                **unmoved,
                **{
                    partition: Progress(
                        position=progressed.position,
                        first_offset=low_watermarks[partition],
                        dead_lettered={
                            reason: OffsetSums.of(offsets)
                            for reason, offsets in progressed.dead_lettered.items()
                        },
                        holes=progressed.holes,
                        expired=progressed.expired,
                        leader_epoch=progressed.leader_epoch,
                        recent=recent[partition],
                    )
                    for partition, progressed in buffer.progress.items()
                },
            },
            bytes=buffer.bytes,
        )


def _without(rows: pa.Table, partitions: Iterable[int]) -> pa.Table:
    dropped = pc.is_in(
        rows.column("kafka_partition"), value_set=pa.array(list(partitions), pa.int32())
    )
    return rows.filter(pc.invert(dropped))
