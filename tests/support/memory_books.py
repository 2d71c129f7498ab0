"""session_events and ingestor_positions in memory, statement by statement as a SQL warehouse would execute them.

Each statement is atomic, as Delta makes it. What comes between two of them, and what becomes of a reply, a test says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Checkpoint, begun
from classwaves_warehouse.databricks.books import Account, Gain
from classwaves_warehouse.databricks.parcel import parcels
from classwaves_warehouse.databricks.reach import DAY, Stretch
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Positions
from classwaves_warehouse.stream import Stream

T = TypeVar("T")

STATEMENTS = ("add", "account", "move", "positions")
MOMENTS = ("lost before", "lost after", "late")
"""Not executed; executed, and the reply is lost; executed when nobody waits for it any more."""


@dataclass
class Tables:
    """What all books share.

    Args:
        due: the fates of statements to come, one each: which one, and at what moment it is lost.
        ghosts: statements that the server has not executed yet although nobody waits for them any more.
        between: called before each statement with its name.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    positions: dict[tuple[str, str, str], dict[int, Checkpoint]] = field(default_factory=dict)
    due: list[tuple[str, str]] = field(default_factory=list)
    ghosts: list[Callable[[], object]] = field(default_factory=list)
    between: Callable[[str], None] = lambda _name: None
    executed: list[str] = field(default_factory=list)

    def execute(self, name: str, statement: Callable[[], T]) -> T:
        """Run a statement as fate has it."""
        self.between(name)
        self.executed.append(name)
        moment = self.due.pop(0)[1] if self.due and self.due[0][0] == name else None
        if moment is None:
            return statement()
        if moment == "lost after":
            statement()
        if moment == "late":
            self.ghosts.append(statement)
        raise WarehouseUnavailable(f"{name}: {moment}")

    def let_ghosts_run(self) -> None:
        """The server gets round to what it was told long ago."""
        while self.ghosts:
            self.ghosts.pop(0)()

    def same_identity(
        self, row: Mapping[str, Any], stretches: Sequence[Stretch]
    ) -> list[dict[str, Any]]:
        """The stored rows with this one's identity, as far as the stretches reach."""
        return [
            stored
            for stored in self.rows
            if (stored["session_id"], stored["id"]) == (row["session_id"], row["id"])
            and any(first <= stored["event_time"] <= last for first, last in stretches)
        ]


class MemoryBooks:
    """The `Books` of such tables."""

    def __init__(self, tables: Tables, stream: Stream) -> None:
        self._tables = tables
        self._stream = stream

    def add(self, fresh: Batch, expected: Positions) -> int:
        def statement() -> int:
            if self._strays(expected):
                return 0
            new = [
                row
                for row in fresh.rows.to_pylist()
                if not self._tables.same_identity(row, [_around(row)])
            ]
            self._tables.rows.extend(new)
            return len(new)

        return self._tables.execute("add", statement)

    def account(self, batch: Batch) -> Mapping[int, Account]:
        return self._tables.execute("account", lambda: self._account(batch))

    def move(self, gains: Mapping[int, Gain]) -> int:
        def statement() -> int:
            if self._strays({partition: gain.expected for partition, gain in gains.items()}):
                return 0
            for partition, gain in gains.items():
                before = self._held.get(partition) or begun(gain.progress)
                self._held[partition] = before.advanced(
                    gain.progress, gain.duplicates, gain.conflicting
                )
            return len(gains)

        return self._tables.execute("move", statement)

    def positions(self) -> Mapping[str, Mapping[int, Checkpoint]]:
        def statement() -> Mapping[str, Mapping[int, Checkpoint]]:
            return {
                topic_id: dict(held)
                for (group, topic, topic_id), held in self._tables.positions.items()
                if (group, topic) == (self._stream.group, self._stream.topic)
            }

        return self._tables.execute("positions", statement)

    def accept(self) -> None:
        self._tables.execute("accept", lambda: self._held)

    @property
    def _held(self) -> dict[int, Checkpoint]:
        key = (self._stream.group, self._stream.topic, self._stream.topic_id)
        return self._tables.positions.setdefault(key, {})

    def _strays(self, expected: Positions) -> list[int]:
        held = self._tables.positions.get(
            (self._stream.group, self._stream.topic, self._stream.topic_id), {}
        )
        actual = {partition: checkpoint.position for partition, checkpoint in held.items()}
        return [
            partition
            for partition, position in expected.items()
            if actual.get(partition) != position
        ]

    def _account(self, batch: Batch) -> Mapping[int, Account]:
        found: dict[int, Account] = {}
        stretches = next(parcels(batch)).stretches
        for row in batch.rows.to_pylist():
            partition = row["kafka_partition"]
            known = self._tables.same_identity(row, stretches)
            place = ("kafka_topic_id", "kafka_partition", "kafka_offset")
            itself = any(all(stored[name] == row[name] for name in place) for stored in known)
            alike = any(
                all(stored[name] == row[name] for name in ("event_time", "payload"))
                for stored in known
            )
            so_far = found.get(partition, Account(0, 0, 0, 0))
            found[partition] = Account(
                offered=so_far.offered + 1,
                stored=so_far.stored + bool(known),
                themselves=so_far.themselves + itself,
                conflicting=so_far.conflicting + (bool(known) and not itself and not alike),
            )
        return found


def _around(row: Mapping[str, Any]) -> Stretch:
    return row["event_time"] - DAY, row["event_time"] + DAY
