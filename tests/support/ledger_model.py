"""What a ledger should answer, as simply as it can be said: one table, one truth, no concurrency."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from classwaves_warehouse.checkpoint import Checkpoint, Progress, begun
from classwaves_warehouse.interface import Fenced, Positions, Stored


class LedgerModel:
    """Rows by identity, the first one kept; checkpoints by partition."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.checkpoints: dict[int, Checkpoint] = {}

    def append(
        self, rows: Sequence[dict[str, Any]], expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced | None:
        """The answer that is due; None if it must be `Stored`, but of what only the one who landed it can say."""
        held = {partition: self.position(partition) for partition in progress}
        strays = {
            partition: position
            for partition, position in held.items()
            if position != expected[partition]
        }
        if not strays:
            return self._store(rows, progress)
        if all(position == progress[partition].position for partition, position in held.items()):
            return None
        return Fenced(strays)

    def position(self, partition: int) -> int | None:
        """Where a partition stands."""
        return self.checkpoints[partition].position if partition in self.checkpoints else None

    def _store(self, rows: Sequence[dict[str, Any]], progress: Mapping[int, Progress]) -> Stored:
        before = len(self.rows)
        duplicates: Counter[int] = Counter()
        conflicting: Counter[int] = Counter()
        for row in rows:
            first = self.rows.setdefault((row["session_id"], row["id"]), row)
            if first is not row:
                duplicates[row["kafka_partition"]] += 1
                if (first["event_time"], first["payload"]) != (row["event_time"], row["payload"]):
                    conflicting[row["kafka_partition"]] += 1
        for partition, made in progress.items():
            held = self.checkpoints.get(partition) or begun(made)
            self.checkpoints[partition] = held.advanced(
                made, duplicates[partition], conflicting[partition]
            )
        return Stored(len(self.rows) - before, dict(duplicates), dict(conflicting))


def first_try(answer: Stored | Fenced) -> Stored | Fenced:
    """An answer without the number of its attempts, of which a model knows nothing."""
    return replace(answer, attempts=1) if isinstance(answer, Stored) else answer
