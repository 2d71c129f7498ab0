"""The reads of pinned tables as SQL, the same for every warehouse.

A range of hours and a session are also given as a condition, by which a warehouse that knows the
statistics of its files leaves most of them out.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Final

import pyarrow as pa
import pyarrow.dataset as ds

from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    ROLLUP_FACTS_HOURLY,
    SESSION_EVENTS,
    Table,
)
from classwaves_warehouse.errors import AnswerTooLarge, TableMissing
from classwaves_warehouse.reading import Parameters, TimelineKey
from classwaves_warehouse.rollup_rows import cast_to_table
from classwaves_warehouse.sql_files import load_sql

MAX_TERMS: Final = 100
"""Schools, and stretches of hours: a SQL warehouse takes 256 parameters in a statement."""

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Read:
    """One statement on one table.

    Args:
        table: that it reads.
        sql: in the Databricks dialect.
        parameters: of the statement.
        condition: that all rows of the answer fulfil, on columns of which files have statistics.
    """

    table: Table
    sql: str
    parameters: Parameters
    condition: ds.Expression


class PinnedReads:
    """The `PinnedTables` of any warehouse.

    Args:
        versions: by qualified name.
        run: answers a read of one of these tables at its version.
        query: answers any statement on these tables at their versions.
        added: the changes of one of these tables, up to its version.
        max_rows: of an answer with hours.
    """

    def __init__(
        self,
        versions: Mapping[str, int],
        run: Callable[[Read], pa.Table],
        query: Callable[[str, Parameters], pa.Table],
        added: Callable[[Table, int, Sequence[str]], pa.Table],
        max_rows: int,
    ) -> None:
        self.versions = versions
        self._run = run
        self._query = query
        self._added = added
        self._max_rows = max_rows

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Query the pinned tables."""
        return self._query(sql, parameters)

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """These columns of the rows that changed between a version and the pinned one."""
        self._check_pinned(table)
        return self._added(table, since, columns)

    def timeline(self, session_id: str, limit: int, after: TimelineKey | None = None) -> pa.Table:
        """A session's rows of session_events, ordered as `TimelineKey`, NULLs first."""
        parameters: Parameters = {
            "session_id": session_id,
            "row_limit": limit,
            "from_start": after is None,
            "after_time": after.event_time if after else None,
            "after_source": after.source if after else None,
            "after_sequence": after.sequence if after else None,
            "after_id": after.id if after else None,
        }
        read = Read(
            SESSION_EVENTS,
            load_sql("classwaves_warehouse", "timeline"),
            parameters,
            ds.field("session_id") == session_id,
        )
        return cast_to_table(self._answer(read), SESSION_EVENTS)

    def hourly_rows(
        self, first: datetime, end: datetime, schools: Collection[str] | None = None
    ) -> pa.Table:
        """Rows of dashboard_metrics_hourly ordered by (metric_hour, school_id)."""
        return self._hours(DASHBOARD_METRICS_HOURLY, [(first, end)], schools)

    def facts(
        self, hours: Collection[datetime], schools: Collection[str] | None = None
    ) -> pa.Table:
        """Rows of rollup_facts_hourly ordered by (metric_hour, school_id)."""
        return self._hours(ROLLUP_FACTS_HOURLY, list(_stretches(hours)), schools)

    def _hours(
        self,
        table: Table,
        stretches: Collection[tuple[datetime, datetime]],
        schools: Collection[str] | None,
    ) -> pa.Table:
        read = _read_hours(table, stretches, schools, self._max_rows + 1)
        rows = self._answer(read)
        if rows.num_rows > self._max_rows:
            raise AnswerTooLarge(
                f"{table.qualified_name}: the answer has more than {self._max_rows} rows. "
                "Ask for fewer hours or schools."
            )
        return cast_to_table(rows, table)

    def _answer(self, read: Read) -> pa.Table:
        self._check_pinned(read.table)
        return self._run(read)

    def _check_pinned(self, table: Table) -> None:
        name = table.qualified_name
        if name not in self.versions:
            raise TableMissing(
                f"{name} does not exist, or was not pinned. Run `ingestor tables migrate`."
            )


def _read_hours(
    table: Table,
    stretches: Collection[tuple[datetime, datetime]],
    schools: Collection[str] | None,
    limit: int,
) -> Read:
    for number, what in ((len(stretches), "stretches of hours"), (len(schools or ()), "schools")):
        if number > MAX_TERMS:
            raise ValueError(f"{number} {what} are more than the {MAX_TERMS} of one read")
    parameters: dict[str, datetime | str | int] = {"row_limit": limit}
    in_hours, in_schools = [], []
    for number, (first, end) in enumerate(stretches):
        parameters |= {f"first_{number}": first, f"end_{number}": end}
        in_hours.append(f"(metric_hour >= :first_{number} AND metric_hour < :end_{number})")
    for number, school in enumerate(schools or ()):
        parameters[f"school_{number}"] = school
        in_schools.append(f"school_id = :school_{number}")
    sql = load_sql(
        "classwaves_warehouse",
        "hours",
        table=table.name,
        in_hours=_any(in_hours),
        in_schools="TRUE" if schools is None else _any(in_schools),
    )
    condition = reduce(or_, (_within(*each) for each in stretches), ds.scalar(False))
    return Read(table, sql, parameters, condition)


def _any(conditions: Collection[str]) -> str:
    return " OR ".join(conditions) or "FALSE"


def _within(first: datetime, end: datetime) -> ds.Expression:
    hour, unit = ds.field("metric_hour"), pa.timestamp("us", tz="UTC")
    return (hour >= pa.scalar(first, unit)) & (hour < pa.scalar(end, unit))


def _stretches(hours: Collection[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """The half-open ranges that these hours fill."""
    first = end = None
    for hour in sorted({each.astimezone(UTC) for each in hours}):
        if first is not None and end is not None and hour != end:
            yield first, end
            first = None
        first, end = first or hour, hour + _HOUR
    if first is not None and end is not None:
        yield first, end
