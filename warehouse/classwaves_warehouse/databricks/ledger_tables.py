"""The tables of one stream's ledger, session_events and ingestor_positions, as statements."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.databricks import statements
from classwaves_warehouse.databricks.session import Session, Value
from classwaves_warehouse.databricks.statements import split_into_payloads
from classwaves_warehouse.interface import Positions, Stream


@dataclass(frozen=True, slots=True)
class RowOutcomes:
    """What became of one partition's rows of a batch.

    Args:
        incoming: rows of the batch.
        stored: rows whose identity is stored.
        own_rows: rows that are stored from their own offset, by this or another consumer.
        conflicting: rows whose identity is stored from another message with a different
            event_time or payload.
    """

    incoming: int
    stored: int
    own_rows: int
    conflicting: int

    def __add__(self, other: "RowOutcomes") -> "RowOutcomes":
        return RowOutcomes(
            self.incoming + other.incoming,
            self.stored + other.stored,
            self.own_rows + other.own_rows,
            self.conflicting + other.conflicting,
        )


@dataclass(frozen=True, slots=True)
class PositionUpdate:
    """What one append adds to one partition's checkpoint.

    Args:
        expected: the stored position before the update; None if there is none.
        progress: the new position and the counters of the consumer.
        duplicates: rows that were not stored from their own offset.
        conflicting: duplicates that differ from the stored row.
    """

    expected: int | None
    progress: Progress
    duplicates: int = 0
    conflicting: int = 0


class LedgerTables(Protocol):
    """session_events and ingestor_positions, as one stream's ledger uses them.

    Each method executes one statement, or one for each 8 MiB of rows.

    Raises, from every method:
        WarehouseUnavailable: the outcome is unknown: the statement was executed, will be
            executed later, or will not be executed.
        TableMissing, WarehouseRefused: a retry will not help.
    """

    def insert_rows(self, rows: Batch, expected: Positions) -> int:
        """Insert the rows whose identity is not stored; return their number.

        Args:
            rows: each identity at most once.
            expected: positions of the append's partitions. Nothing is inserted if one differs.
        """
        ...

    def row_outcomes(self, batch: Batch) -> Mapping[int, RowOutcomes]:
        """By partition, what became of all rows of a batch."""
        ...

    def update_positions(self, updates: Mapping[int, PositionUpdate]) -> int:
        """Update the positions of all partitions, or of none if one is not the expected one.

        Returns:
            the number of updated partitions.
        """
        ...

    def checkpoints(self) -> Mapping[str, Mapping[int, Checkpoint]]:
        """By each topic id that this group has read or accepted, its partitions' checkpoints."""
        ...

    def accept_topic_id(self) -> None:
        """Record the stream's topic id as accepted."""
        ...


class SqlLedgerTables:
    """`LedgerTables` in a SQL warehouse.

    Args:
        session: used by these tables alone.
        stream: the ledger's consumer group and topic.
    """

    def __init__(self, session: Session, stream: Stream) -> None:
        self._session = session
        self._stream = stream

    def insert_rows(self, rows: Batch, expected: Positions) -> int:
        """Insert the rows whose identity is not stored; return their number."""
        expected_positions = [
            {"kafka_partition": partition, "expected": position}
            for partition, position in expected.items()
        ]
        parameters = {
            **self._partition_key(expected),
            "expected_positions": json.dumps(expected_positions),
        }
        return sum(
            self._affected_rows(
                statements.insert_rows(len(payload.window)), {**parameters, **payload.parameters}
            )
            for payload in split_into_payloads(rows)
        )

    def row_outcomes(self, batch: Batch) -> Mapping[int, RowOutcomes]:
        """By partition, what became of all rows of a batch."""
        outcomes: dict[int, RowOutcomes] = {}
        for payload in split_into_payloads(batch):
            statement = statements.row_outcomes(len(payload.window))
            for row in self._session.run(statement, payload.parameters).to_pylist():
                partition = row.pop("kafka_partition")
                counted = RowOutcomes(**row)
                outcomes[partition] = (
                    outcomes[partition] + counted if partition in outcomes else counted
                )
        return outcomes

    def update_positions(self, updates: Mapping[int, PositionUpdate]) -> int:
        """Update the positions of all partitions, or of none if one is not the expected one."""
        parameters = {
            **self._partition_key(updates),
            "topic": self._stream.topic,
            "updates": json.dumps([_update_as_json(*item) for item in updates.items()]),
        }
        return self._affected_rows(statements.UPDATE_POSITIONS, parameters)

    def checkpoints(self) -> Mapping[str, Mapping[int, Checkpoint]]:
        """By each topic id that this group has read or accepted, its partitions' checkpoints."""
        key = {"consumer_group": self._stream.group, "topic": self._stream.topic}
        found: dict[str, dict[int, Checkpoint]] = {}
        for row in self._session.run(statements.SELECT_POSITIONS, key).to_pylist():
            checkpoints = found.setdefault(row["topic_id"], {})
            if row["kafka_partition"] is not None:
                checkpoints[row["kafka_partition"]] = _checkpoint(row)
        return found

    def accept_topic_id(self) -> None:
        """Record the stream's topic id as accepted."""
        stream = self._stream
        self._session.run(
            statements.ACCEPT_TOPIC_ID,
            {"consumer_group": stream.group, "topic": stream.topic, "topic_id": stream.topic_id},
        )

    def _partition_key(self, partitions: Mapping[int, object]) -> dict[str, Value]:
        return {
            "consumer_group": self._stream.group,
            "topic_id": self._stream.topic_id,
            "partitions": json.dumps(list(partitions)),
        }

    def _affected_rows(self, statement: str, parameters: Mapping[str, Value]) -> int:
        return int(self._session.run(statement, parameters)["num_affected_rows"][0].as_py())


def _update_as_json(partition: int, update: PositionUpdate) -> dict[str, object]:
    progress = update.progress
    until_ms = progress.ingested_through_ms
    return {
        "kafka_partition": partition,
        "expected": update.expected,
        "position": progress.position,
        "first_offset": progress.first_offset,
        "duplicates": update.duplicates,
        "conflicting": update.conflicting,
        "erased": progress.erased,
        "holes": progress.holes,
        "dead_lettered": json.dumps(dict(progress.dead_lettered)),
        "stored_until": None if until_ms is None else until_ms * 1000,
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
        ingested_through_ms=None
        if until is None
        else round(until.astimezone(UTC).timestamp() * 1000),
    )
