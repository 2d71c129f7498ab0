"""Reading session_events in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pyarrow.compute as pc

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.interface import PartitionRows, Stream, TableSize
from classwaves_warehouse.memory.state import MemoryState
from classwaves_warehouse.offset_sums import OffsetSums


class MemoryEvents:
    """The `Events` of a memory warehouse."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    def partition_rows(
        self, stream: Stream, checkpoints: Mapping[int, Checkpoint]
    ) -> Mapping[int, PartitionRows]:
        """The rows of this stream's topic that these checkpoints cover, by partition."""
        rows = self._state.event_rows().filter(pc.field("kafka_topic_id") == stream.topic_id)
        offsets: dict[int, list[int]] = {}
        for partition, offset in zip(
            *(rows[name].to_pylist() for name in ("kafka_partition", "kafka_offset")), strict=True
        ):
            if partition in checkpoints and offset in checkpoints[partition].covered:
                offsets.setdefault(partition, []).append(offset)
        return {
            partition: PartitionRows(
                replace(
                    OffsetSums.of(o for o in each if o >= checkpoints[partition].summed_from),
                    count=len(each),
                ),
                len(set(each)),
            )
            for partition, each in sorted(offsets.items())
        }

    def offsets(self, stream: Stream, partition: int, start: int, end: int) -> Sequence[int]:
        """The distinct stored offsets of a partition in [start, end), ascending."""
        in_partition = (pc.field("kafka_topic_id") == stream.topic_id) & (
            pc.field("kafka_partition") == partition
        )
        in_range = (pc.field("kafka_offset") >= start) & (pc.field("kafka_offset") < end)
        rows = self._state.event_rows().filter(in_partition & in_range)
        return sorted(set(rows["kafka_offset"].to_pylist()))

    def repeated(self, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
        """The number of rows beyond one for each identity, and up to `limit` such identities."""
        counts = Counter(self._identities())
        repeated = {identity: count for identity, count in counts.items() if count > 1}
        return sum(repeated.values()) - len(repeated), sorted(repeated)[:limit]

    def known(self, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these (session_id, id) are stored."""
        return set(identities).intersection(self._identities())

    def size(self) -> TableSize:
        """The size of session_events: each commit with rows counts as one file."""
        rows = self._state.event_rows()
        sizes = self._state.tables.sizes(SESSION_EVENTS)
        return TableSize(
            version=self._state.event_version(),
            files=sum(after > before for before, after in pairwise(sizes)),
            bytes=rows.nbytes,
            rows=len(rows),
            log_entries=0,
        )

    def _identities(self) -> list[tuple[str, str]]:
        rows = self._state.event_rows()
        return list(zip(rows["session_id"].to_pylist(), rows["id"].to_pylist(), strict=True))
