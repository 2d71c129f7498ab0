"""The batch stage: rows and rejects gather until they are many, large or old enough to be worth a commit."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from classwaves_ingestor.consumer.cursors import Span
from classwaves_ingestor.consumer.decode import ROWS, Decoded, Reject
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Positions


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """When a micro-batch is due: at so many rows, bytes, or seconds since its first message."""

    rows: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What one commit shall store, fixed.

    Args:
        rows: in order of arrival, repeats included.
        rejects: to be dead letters before the rows are committed.
        expected: by partition, the position in the table on which this batch builds.
        progress: by partition, what the commit adds.
        bytes: what this holds in memory.
    """

    rows: pa.Table
    rejects: Sequence[Reject]
    expected: Positions
    progress: Mapping[int, Progress]
    bytes: int = 0

    def without(self, partitions: Collection[int]) -> "MicroBatch":
        """The same batch with nothing of these partitions."""
        return MicroBatch(
            rows=_without(self.rows, partitions),
            rejects=[each for each in self.rejects if each.message.partition() not in partitions],
            expected={key: value for key, value in self.expected.items() if key not in partitions},
            progress={key: value for key, value in self.progress.items() if key not in partitions},
            bytes=self.bytes,
        )


@dataclass(slots=True)
class _Tally:
    position: int
    holes: int = 0
    dead_lettered: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Gathered:
    since: float
    tables: list[pa.Table] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    tallies: dict[int, _Tally] = field(default_factory=dict)
    bytes: int = 0


class Gathering:
    """The micro-batch that is growing."""

    def __init__(self, policy: BatchPolicy) -> None:
        self._policy = policy
        self._gathered = _Gathered(since=0.0)

    def __bool__(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._gathered.tallies)

    @property
    def partitions(self) -> Collection[int]:
        """The partitions that the batch would move on."""
        return self._gathered.tallies.keys()

    @property
    def bytes(self) -> int:
        """What it holds in memory."""
        return self._gathered.bytes

    def add(self, decoded: Decoded, spans: Mapping[int, Span], now: float) -> None:
        """Take in what a poll brought.

        Args:
            decoded: its rows and rejects.
            spans: the stretch of each partition that it covered.
            now: monotonic seconds.
        """
        if spans and not self:
            self._gathered.since = now
        gathered = self._gathered
        for partition, span in spans.items():
            tally = gathered.tallies.setdefault(partition, _Tally(span.position))
            tally.position = span.position
            tally.holes += span.holes
        for reject in decoded.rejects:
            gathered.tallies[reject.message.partition()].dead_lettered[
                reject.rejection.reason.value
            ] += 1
        if decoded.rows.num_rows:
            gathered.tables.append(decoded.rows)
        gathered.rejects += decoded.rejects
        gathered.bytes += decoded.bytes

    def due(self, now: float) -> bool:
        """Whether the policy wants it committed, at this monotonic second."""
        policy, gathered = self._policy, self._gathered
        return bool(self) and (
            now - gathered.since >= policy.seconds
            or gathered.bytes >= policy.bytes
            or sum(table.num_rows for table in gathered.tables) + len(gathered.rejects)
            >= policy.rows
        )

    def drop(self, partitions: Collection[int]) -> None:
        """Forget everything of these partitions; their next owner reads it again."""
        gathered = self._gathered
        if gathered.tallies.keys().isdisjoint(partitions):
            return
        kept = [_without(table, partitions) for table in gathered.tables]
        rejects = [each for each in gathered.rejects if each.message.partition() not in partitions]
        self._gathered = _Gathered(
            since=gathered.since,
            tables=kept,
            rejects=rejects,
            tallies={
                key: tally for key, tally in gathered.tallies.items() if key not in partitions
            },
            bytes=sum(Decoded(table).bytes for table in kept)
            + Decoded(ROWS.empty_table(), rejects).bytes,
        )

    def age(self, now: float) -> float:
        """Seconds since its first message, at this monotonic second."""
        return now - self._gathered.since if self else 0.0

    def take(
        self, expected: Positions, first_offsets: Mapping[int, int], idle: Mapping[int, Progress]
    ) -> MicroBatch:
        """The batch as it is now; the next one begins empty.

        Args:
            expected: the table's position of each of `partitions` and of the idle ones.
            first_offsets: where reading of each of `partitions` began.
            idle: progress of partitions that have nothing to store.
        """
        gathered, self._gathered = self._gathered, _Gathered(since=0.0)
        return MicroBatch(
            rows=pa.concat_tables([ROWS.empty_table(), *gathered.tables]).combine_chunks(),
            rejects=gathered.rejects,
            expected=expected,
            progress={
                **idle,
                **{
                    partition: Progress(
                        position=tally.position,
                        first_offset=first_offsets[partition],
                        dead_lettered=dict(tally.dead_lettered),
                        holes=tally.holes,
                    )
                    for partition, tally in gathered.tallies.items()
                },
            },
            bytes=gathered.bytes,
        )


def _without(rows: pa.Table, partitions: Iterable[int]) -> pa.Table:
    gone = pc.is_in(
        rows.column("kafka_partition"), value_set=pa.array(list(partitions), pa.int32())
    )
    return rows.filter(pc.invert(gone))
