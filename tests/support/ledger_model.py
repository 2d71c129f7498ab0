"""A model of a ledger: one table in memory, without concurrency."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from classwaves_warehouse.checkpoint import Checkpoint, Progress, begun
from classwaves_warehouse.interface import Fenced, Positions, Stored
from classwaves_warehouse.offset_sums import OffsetSums


class LedgerModel:
    """Rows by identity, the first one kept; checkpoints by partition."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.checkpoints: dict[int, Checkpoint] = {}

    def append(
        self, rows: Sequence[dict[str, Any]], expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced | None:
        """The expected answer; None for a `Stored` whose numbers the model cannot predict."""
        stored = {partition: self.position(partition) for partition in progress}
        unexpected = {
            partition: position
            for partition, position in stored.items()
            if position != expected[partition]
        }
        if not unexpected:
            return self._store(rows, progress)
        if all(position == progress[partition].position for partition, position in stored.items()):
            return None
        return Fenced(unexpected)

    def position(self, partition: int) -> int | None:
        """The position of a partition."""
        return self.checkpoints[partition].position if partition in self.checkpoints else None

    def _store(self, rows: Sequence[dict[str, Any]], progress: Mapping[int, Progress]) -> Stored:
        before = len(self.rows)
        duplicates: defaultdict[int, list[int]] = defaultdict(list)
        conflicting: Counter[int] = Counter()
        for row in rows:
            first = self.rows.setdefault((row["session_id"], row["id"]), row)
            if first is not row:
                duplicates[row["kafka_partition"]].append(row["kafka_offset"])
                if (first["event_time"], first["payload"]) != (row["event_time"], row["payload"]):
                    conflicting[row["kafka_partition"]] += 1
        for partition, each in progress.items():
            checkpoint = self.checkpoints.get(partition) or begun(each)
            self.checkpoints[partition] = checkpoint.advanced(
                each, OffsetSums.of(duplicates[partition]), conflicting[partition]
            )
        counts = {partition: len(offsets) for partition, offsets in duplicates.items() if offsets}
        return Stored(len(self.rows) - before, counts, dict(conflicting))


def first_try(answer: Stored | Fenced) -> Stored | Fenced:
    """An answer without the number of attempts, which the model does not have."""
    return replace(answer, attempts=1) if isinstance(answer, Stored) else answer
