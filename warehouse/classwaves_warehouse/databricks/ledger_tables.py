"""The tables of one stream's ledger, session_events and ingestor_positions, as statements."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Checkpoint, Progress, RecentMessages, StopReason
from classwaves_warehouse.databricks import statements
from classwaves_warehouse.databricks.session import Session, Value
from classwaves_warehouse.databricks.statements import split_into_payloads
from classwaves_warehouse.interface import Positions, Stream
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums

_CLASSES: Final = ("duplicates", "erased", "holes", "expired", "superseded")
_DEAD_LETTERS: Final = "dead_lettered/"


@dataclass(frozen=True, slots=True)
class RowOutcomes:
    """What became of one partition's rows of a batch.

    Args:
        incoming: rows of the batch.
        stored: rows whose identity is stored.
        own_rows: offsets of the rows that are stored from them, by this or another consumer.
        conflicting: rows whose identity is stored from another message with a different
            event_time or payload.
    """

    incoming: int
    stored: int
    own_rows: OffsetSums
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
    duplicates: OffsetSums = NO_OFFSETS
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

    def acknowledge_expired(self, offsets: Mapping[int, int]) -> None:
        """Record the expired offsets of each partition that an operator knows of."""
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
                partition = row["kafka_partition"]
                counted = RowOutcomes(
                    row["incoming"],
                    row["stored"],
                    OffsetSums(row["own_rows"], int(row["own_total"]), int(row["own_squares"])),
                    row["conflicting"],
                )
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

    def acknowledge_expired(self, offsets: Mapping[int, int]) -> None:
        """Record the expired offsets of each partition that an operator knows of."""
        acknowledged = [
            {"kafka_partition": partition, "acknowledged": count}
            for partition, count in offsets.items()
        ]
        self._session.run(
            statements.ACKNOWLEDGE_EXPIRED,
            {**self._partition_key(offsets), "acknowledged": json.dumps(acknowledged)},
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
    dead_lettered = progress.dead_lettered.items()
    classes = {
        "duplicates": update.duplicates,
        "erased": progress.erased,
        "holes": progress.holes,
        "expired": progress.expired,
        "superseded": OffsetSums.of_range(progress.superseded.start, progress.superseded.stop),
    }
    letters = {f"{_DEAD_LETTERS}{reason}": offsets for reason, offsets in dead_lettered}
    return {
        "kafka_partition": partition,
        "expected": update.expected,
        "position": progress.position,
        "first_offset": progress.first_offset,
        **{name: offsets.count for name, offsets in classes.items()},
        "superseded_until": progress.superseded.stop,
        "conflicting": update.conflicting,
        "dead_lettered": json.dumps({reason: each.count for reason, each in dead_lettered}),
        "sums": json.dumps(_sums(classes | letters)),
        "leader_epoch": progress.leader_epoch,
        "stopped": progress.stopped,
        "recent_messages": progress.recent and progress.recent.messages,
        "recent_dead_letters": progress.recent and progress.recent.bad,
        "released_until": progress.released_until,
        "stored_until": None if until_ms is None else until_ms * 1000,
    }


def _sums(classes: Mapping[str, OffsetSums]) -> dict[str, int]:
    """Both sums of each class that has any offset, by name."""
    return {
        f"{name}/{kind}": number
        for name, offsets in classes.items()
        for kind, number in (("sum", offsets.total), ("squares", offsets.squares))
        if number
    }


def _checkpoint(row: Mapping[str, Any]) -> Checkpoint:
    until: datetime | None = row["stored_until"]
    sums: Mapping[str, int] = json.loads(row["sums"] or "{}")

    def offsets(name: str, count: int | None) -> OffsetSums:
        return OffsetSums(count or 0, sums.get(f"{name}/sum", 0), sums.get(f"{name}/squares", 0))

    return Checkpoint(
        position=row["position"],
        first_offset=row["first_offset"],
        summed_from=row["position"] if row["summed_from"] is None else row["summed_from"],
        conflicting=row["conflicting"],
        acknowledged=row["acknowledged"] or 0,
        superseded_until=row["superseded_until"] or 0,
        dead_lettered={
            reason: offsets(f"{_DEAD_LETTERS}{reason}", count)
            for reason, count in json.loads(row["dead_lettered"]).items()
        },
        leader_epoch=row["leader_epoch"],
        stopped=None if row["stopped"] is None else StopReason(row["stopped"]),
        recent=RecentMessages(row["recent_messages"] or 0, row["recent_dead_letters"] or 0),
        released_until=row["released_until"] or 0,
        ingested_through_ms=None
        if until is None
        else round(until.astimezone(UTC).timestamp() * 1000),
        **{name: offsets(name, row[name]) for name in _CLASSES},
    )
