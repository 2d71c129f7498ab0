"""SQL statements of the adapter: templates from `sql/`, and rows as parameters.

Templates are completed with names of the contract, versions and hours; values are bound as
parameters. JSON is parsed in FAILFAST mode: by default Spark returns no rows for a text that it
cannot parse, and raises no error.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classwaves_schemas.tables import ROLLUP_RUNS, SESSION_EVENTS, Column, ColumnType, Table
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.offset_sums import MODULUS
from classwaves_warehouse.sql_files import load_sql

MAX_PAYLOAD_BYTES: Final = 8 * 1024 * 1024
"""JSON of one statement: half of the longest statement that Databricks documents."""

DEDUP_MARGIN: Final = timedelta(hours=24)
"""How far apart the event times of an event and its repeat may be (G1)."""

_DEDUP_MARGIN_US: Final = 86_400_000_000
_MAX_RANGES: Final = 4


class TimeRange(NamedTuple):
    """A range of event_time; both ends belong to it."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class StatementPayload:
    """The rows of one statement, and where to look for stored repeats of their batch.

    Args:
        rows_json: the rows as a JSON array, times in microseconds since 1970 UTC.
        window: ranges of event_time that hold the repeats of all rows of the batch.
    """

    rows_json: str
    window: Sequence[TimeRange]

    @property
    def parameters(self) -> dict[str, str | datetime]:
        """The parameters `rows`, `from_<n>` and `until_<n>` of the statement."""
        bounds: dict[str, str | datetime] = {"rows": self.rows_json}
        for number, (first, last) in enumerate(self.window):
            bounds |= {f"from_{number}": first, f"until_{number}": last}
        return bounds


def split_into_payloads(
    batch: Batch, max_bytes: int = MAX_PAYLOAD_BYTES
) -> Iterator[StatementPayload]:
    """Split a batch into as few payloads as possible; an empty batch has none.

    Args:
        batch: rows to send.
        max_bytes: JSON of one payload; a longer row is a payload of its own.
    """
    lines = [msgspec.json.encode(row) for row in _with_integer_times(batch.rows).to_pylist()]
    if not lines:
        return
    window = dedup_window(batch.rows.column("event_time").cast(pa.int64()).to_numpy())
    start, size = 0, 0
    for index, line in enumerate(lines):
        if size and size + len(line) > max_bytes:
            yield _payload(lines[start:index], window)
            start, size = index, 0
        size += len(line) + 1
    yield _payload(lines[start:], window)


def dedup_window(times_us: npt.NDArray[np.int64]) -> Sequence[TimeRange]:
    """At most four ascending ranges that cover 24 h before and after each of these times.

    An event_time far from the others has a range of its own, so that the window does not span
    the whole table.

    Args:
        times_us: at least one time, in microseconds since 1970 UTC.
    """
    times = np.unique(times_us)
    gaps = np.diff(times)
    widest = np.argsort(gaps)[::-1][: _MAX_RANGES - 1]
    cuts = np.sort(widest[gaps[widest] > 2 * _DEDUP_MARGIN_US])
    firsts, lasts = np.append(times[:1], times[cuts + 1]), np.append(times[cuts], times[-1:])
    return [
        TimeRange(_datetime(first) - DEDUP_MARGIN, _datetime(last) + DEDUP_MARGIN)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def insert_rows(ranges: int) -> str:
    """Insert a payload's new rows into session_events, if the positions are the expected ones.

    Args:
        ranges: number of time ranges in the payload's window.
    """
    within_margin = (
        "stored.event_time BETWEEN incoming.event_time - INTERVAL 24 HOURS"
        " AND incoming.event_time + INTERVAL 24 HOURS"
    )
    return _render(
        "insert_rows",
        incoming_rows=_INCOMING_ROWS,
        unexpected_positions=_UNEXPECTED_POSITIONS,
        same_identity=f"{_SAME_IDENTITY} AND {within_margin} AND {_within(ranges)}",
        columns=", ".join(SESSION_EVENTS.column_names),
        incoming_columns=", ".join(f"incoming.{name}" for name in SESSION_EVENTS.column_names),
    )


def row_outcomes(ranges: int) -> str:
    """Count by partition how many of a payload's rows are stored, and from where.

    The 24 h around each row are not a condition: a row can be a repeat of another row of its
    batch at any distance.

    Args:
        ranges: number of time ranges in the payload's window.
    """
    return _render(
        "row_outcomes",
        incoming_rows=_INCOMING_ROWS,
        same_identity=f"{_SAME_IDENTITY} AND {_within(ranges)}",
        modulus=MODULUS,
    )


def replace_hour(table: Table, name: str, version: int, hour: datetime, query: str) -> str:
    """Replace an hour by a query's rows; fail if the hour has changed since a version.

    Args:
        table: the contract of the table.
        name: its name in the statement.
        version: from which the hour must not differ.
        hour: its start.
        query: returns the columns of the table.
    """
    raise_error = f"CAST(raise_error('the hour has changed') AS {table.columns[0].type})"
    return _render(
        "replace_hour",
        table=name,
        in_hour=in_hour(hour),
        changed_rows=_changed_rows_of_hour(name, version, hour),
        columns=", ".join(table.column_names),
        query=query,
        failing_row=", ".join([raise_error, *("NULL" for _ in table.columns[1:])]),
    )


def count_changed_rows(name: str, version: int, hour: datetime) -> str:
    """Count an hour's rows that were added or removed since a version of the table."""
    changed_rows = _changed_rows_of_hour(name, version, hour)
    return f"SELECT COUNT(*) AS changed FROM (\n{changed_rows}\n) AS changed_rows"  # noqa: S608


def count_rows(name: str, hour: datetime) -> str:
    """Count an hour's rows."""
    return f"SELECT COUNT(*) AS stored FROM {name} WHERE {in_hour(hour)}"  # noqa: S608


def select_hour(name: str, hour: datetime) -> str:
    """Select an hour's rows."""
    return f"SELECT * FROM {name} WHERE {in_hour(hour)}"  # noqa: S608


def diff_versions(name: str, since: int, until: int | None, columns: Sequence[str]) -> str:
    """Select columns of the rows that were added, changed or removed between two versions.

    Args:
        name: of the table.
        since: the older version.
        until: the newer version; None for the latest.
        columns: of the table.
    """
    newer = name if until is None else f"{name} VERSION AS OF {until}"
    return _render(
        "diff_versions", table=name, newer=newer, version=since, columns=", ".join(columns)
    )


def upsert_run(name: str, hour: datetime) -> str:
    """Write an hour's row of rollup_runs if the stored run is :expected_run.

    Each column of the row is a parameter.
    """
    values = ", ".join(
        f"CAST(:{column.name} AS {column.type}) AS {column.name}" for column in ROLLUP_RUNS.columns
    )
    return _render("upsert_run", table=name, in_hour=in_hour(hour), values=values)


def ingested_through(name: str) -> str:
    """Select `stored_until` by topic id and partition from ingestor_positions."""
    return _render("ingested_through", table=name)


def optimize(name: str, order: Sequence[str]) -> str:
    """Compact a table's small files, clustered by these columns if there are any."""
    return _render(
        "optimize", table=name, order=f" ZORDER BY ({', '.join(order)})" if order else ""
    )


def vacuum(name: str) -> str:
    """Delete the files that no version within the retention of a table has."""
    return _render("vacuum", table=name)


def in_hour(hour: datetime) -> str:
    """The condition for an hour's rows.

    The hour is a literal: Delta skips files and detects conflicts by it.
    """
    return f"metric_hour = TIMESTAMP '{sql_time(hour)}'"


def sql_time(hour: datetime) -> str:
    """An hour as literals and DESCRIBE HISTORY show it; the session's time zone is UTC."""
    return f"{hour.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def json_type(column: Column) -> str:
    """The type with which a column's JSON is parsed; times are microseconds in a BIGINT."""
    return ColumnType.BIGINT if column.type is ColumnType.TIMESTAMP else column.type


def _render(template: str, **parts: object) -> str:
    return load_sql("classwaves_warehouse.databricks", template, **parts)


def _changed_rows_of_hour(name: str, version: int, hour: datetime) -> str:
    return _render("changed_rows_of_hour", table=name, version=version, in_hour=in_hour(hour))


def _within(ranges: int) -> str:
    """The window as constants, by which Delta skips files."""
    conditions = " OR ".join(
        f"stored.event_time BETWEEN :from_{n} AND :until_{n}" for n in range(ranges)
    )
    return f"({conditions})"


def _from_json(column: Column) -> str:
    return (
        f"timestamp_micros({column.name}) AS {column.name}"
        if column.type is ColumnType.TIMESTAMP
        else column.name
    )


def _payload(lines: Sequence[bytes], window: Sequence[TimeRange]) -> StatementPayload:
    return StatementPayload((b"[" + b",".join(lines) + b"]").decode(), window)


def _with_integer_times(rows: pa.Table) -> pa.Table:
    columns = [
        rows[each.name].cast(pa.int64()) if each.type is ColumnType.TIMESTAMP else rows[each.name]
        for each in SESSION_EVENTS.columns
    ]
    return pa.table(columns, names=list(SESSION_EVENTS.column_names))


def _datetime(us: np.int64) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(us))


# ingestor_positions is partitioned by Kafka partition, and Delta detects conflicts by partition:
# with this condition, consumers of different partitions do not conflict.
_OWN_PARTITIONS: Final = (
    "stored.consumer_group = :consumer_group AND stored.topic_id = :topic_id "
    "AND array_contains(from_json(:partitions, 'ARRAY<INT>'), stored.kafka_partition)"
)
_SAME_IDENTITY: Final = "stored.session_id = incoming.session_id AND stored.id = incoming.id"
_INCOMING_ROWS: Final = _render(
    "incoming_rows",
    values=", ".join(map(_from_json, SESSION_EVENTS.columns)),
    fields=", ".join(f"{each.name}: {json_type(each)}" for each in SESSION_EVENTS.columns),
)
_UNEXPECTED_POSITIONS: Final = _render("unexpected_positions", own_partitions=_OWN_PARTITIONS)

SELECT_POSITIONS: Final = _render("select_positions")
UPDATE_POSITIONS: Final = _render(
    "update_positions", own_partitions=_OWN_PARTITIONS, modulus=MODULUS
)
ACKNOWLEDGE_EXPIRED: Final = _render("acknowledge_expired", own_partitions=_OWN_PARTITIONS)
ACCEPT_TOPIC_ID: Final = _render("accept_topic_id")
