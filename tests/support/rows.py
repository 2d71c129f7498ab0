"""Rows of session_events with defaults."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pyarrow as pa

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.interface import Stream, Warehouse

STREAM = Stream(group="ingestor", topic="session-events", topic_id="topic-1")
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)

_offsets = count(1_000_000)


def event(
    id_: str, *, partition: int = 0, offset: int | None = None, minutes: float = 0, **columns: Any
) -> dict[str, Any]:
    """A row of session s1, some minutes after MORNING, with other columns as given.

    Without an offset each row is another message.
    """
    return {
        "id": id_,
        "session_id": "s1",
        "teacher_id": "teacher",
        "event_type": "started",
        "event_time": MORNING + timedelta(minutes=minutes),
        "payload": "{}",
        "created_at": MORNING,
        "kafka_topic_id": STREAM.topic_id,
        "kafka_partition": partition,
        "kafka_offset": next(_offsets) if offset is None else offset,
        **columns,
    }


def table(*events: dict[str, Any]) -> pa.Table:
    """These rows in this order."""
    return pa.Table.from_pylist(list(events), schema=ROWS)


def timeline(warehouse: Warehouse, session_id: str = "s1") -> pa.Table:
    """A session's stored rows in order."""
    with warehouse.reader() as reader:
        return reader.pin([SESSION_EVENTS]).timeline(session_id, limit=1_000_000)


def batch(*events: dict[str, Any]) -> Batch:
    """These rows in this order of arrival."""
    return Batch(table(*events))
