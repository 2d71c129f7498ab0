"""What the ledger asks of the SQL warehouse, as calls. What a call did is known only from a look afterwards."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.databricks import statements
from classwaves_warehouse.databricks.parcel import Parcel, parcels
from classwaves_warehouse.databricks.session import Session, Value
from classwaves_warehouse.interface import Positions
from classwaves_warehouse.stream import Stream


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the rows of one partition in a batch.

    Args:
        offered: rows of the batch.
        stored: those whose identity is stored.
        themselves: those that are stored themselves, from their own offset, by whoever came first.
        conflicting: stored from another message whose event_time or payload differs.
    """

    offered: int
    stored: int
    themselves: int
    conflicting: int


@dataclass(frozen=True, slots=True)
class Gain:
    """What an append makes of one partition: its progress and what it met in the table."""

    expected: int | None
    progress: Progress
    duplicates: int = 0
    conflicting: int = 0


class Books(Protocol):
    """session_events and ingestor_positions, as one stream's ledger uses them.

    Raises, from every method:
        WarehouseUnavailable: it may have been done, or be done later, or not at all.
        TableMissing, WarehouseRefused: asking again will not help.
    """

    def add(self, fresh: Batch, expected: Positions) -> int:
        """Insert the rows whose identity is not stored, if the positions are these; how many that were.

        Args:
            fresh: rows of distinct identities.
            expected: where each partition of the append should stand.
        """
        ...

    def account(self, batch: Batch) -> Mapping[int, Account]:
        """By partition, what became of all rows of a batch."""
        ...

    def move(self, gains: Mapping[int, Gain]) -> int:
        """Move the positions of all partitions, if each stands where it should; how many were moved: all or none."""
        ...

    def positions(self) -> Mapping[str, Mapping[int, Checkpoint]]:
        """By each topic id that this group has read or accepted, the checkpoints of its partitions."""
        ...

    def accept(self) -> None:
        """Let this topic id be one of those."""
        ...


class SqlBooks:
    """The `Books` of a SQL warehouse.

    Args:
        session: for these books alone.
        stream: whose.
    """

    def __init__(self, session: Session, stream: Stream) -> None:
        self._session = session
        self._stream = stream

    def add(self, fresh: Batch, expected: Positions) -> int:
        """Insert the rows whose identity is not stored, if the positions are these; how many that were."""
        believed = [
            {"kafka_partition": partition, "expected": where}
            for partition, where in expected.items()
        ]
        parameters = {**self._stream_of(expected), "progress": json.dumps(believed)}
        return sum(
            self._changed(
                statements.add_rows(len(parcel.stretches)), {**parameters, **_parameters(parcel)}
            )
            for parcel in parcels(fresh)
        )

    def account(self, batch: Batch) -> Mapping[int, Account]:
        """By partition, what became of all rows of a batch."""
        found: dict[int, Account] = {}
        for parcel in parcels(batch):
            text = statements.account(len(parcel.stretches))
            for row in self._session.run(text, _parameters(parcel)).to_pylist():
                partition = row.pop("kafka_partition")
                found[partition] = _sum(found.get(partition), Account(**row))
        return found

    def move(self, gains: Mapping[int, Gain]) -> int:
        """Move the positions of all partitions, if each stands where it should; how many were moved."""
        progress = json.dumps([_line(partition, gain) for partition, gain in gains.items()])
        return self._changed(
            statements.MOVE_POSITIONS,
            {**self._stream_of(gains), "topic": self._stream.topic, "progress": progress},
        )

    def positions(self) -> Mapping[str, Mapping[int, Checkpoint]]:
        """By each topic id that this group has read or accepted, the checkpoints of its partitions."""
        key = {"consumer_group": self._stream.group, "topic": self._stream.topic}
        found: dict[str, dict[int, Checkpoint]] = {}
        for row in self._session.run(statements.POSITIONS, key).to_pylist():
            checkpoints = found.setdefault(row["topic_id"], {})
            if row["kafka_partition"] is not None:
                checkpoints[row["kafka_partition"]] = _checkpoint(row)
        return found

    def accept(self) -> None:
        """Let this topic id be one of those."""
        stream = self._stream
        self._session.run(
            statements.ACCEPT,
            {"consumer_group": stream.group, "topic": stream.topic, "topic_id": stream.topic_id},
        )

    def _stream_of(self, partitions: Mapping[int, object]) -> dict[str, Value]:
        return {
            "consumer_group": self._stream.group,
            "topic_id": self._stream.topic_id,
            "partitions": json.dumps(list(partitions)),
        }

    def _changed(self, statement: str, parameters: Mapping[str, Value]) -> int:
        return int(self._session.run(statement, parameters)["num_affected_rows"][0].as_py())


def _parameters(parcel: Parcel) -> dict[str, Value]:
    bounds: dict[str, Value] = {"rows": parcel.text}
    for number, (first, last) in enumerate(parcel.stretches):
        bounds |= {f"from_{number}": first, f"until_{number}": last}
    return bounds


def _line(partition: int, gain: Gain) -> dict[str, object]:
    made = gain.progress
    return {
        "kafka_partition": partition,
        "expected": gain.expected,
        "position": made.position,
        "first_offset": made.first_offset,
        "duplicates": gain.duplicates,
        "conflicting": gain.conflicting,
        "erased": made.erased,
        "holes": made.holes,
        "dead_lettered": json.dumps(dict(made.dead_lettered)),
        "stored_until": None if made.stored_until_ms is None else made.stored_until_ms * 1000,
    }


def _checkpoint(row: Mapping[str, Any]) -> Checkpoint:
    until: datetime | None = row["stored_until"]
    return Checkpoint(
        position=row["position"],
        first_offset=row["first_offset"],
        duplicates=row["duplicates"],
        conflicting=row["conflicting"],
        erased=row["erased"],
        holes=row["holes"],
        dead_lettered=json.loads(row["dead_lettered"]),
        stored_until_ms=None if until is None else round(until.astimezone(UTC).timestamp() * 1000),
    )


def _sum(one: Account | None, other: Account) -> Account:
    if one is None:
        return other
    return Account(
        one.offered + other.offered,
        one.stored + other.stored,
        one.themselves + other.themselves,
        one.conflicting + other.conflicting,
    )
