"""The backend's own SQL, to demonstrate its bugs."""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from tests.support.rollup.rows import Sources, at, to_arrow
from tests.support.rollup.statements import with_all_sources

_SQL = Path(__file__).with_name("backend.sql")


def backend_rows(
    given: Sources, now: datetime | None = None, zone: str = "UTC"
) -> dict[str | None, dict[str, Any]]:
    """The rows of the backend's rollup, by school.

    Args:
        given: the sources.
        now: the time of the run, by default five minutes after the hour.
        zone: the time zone of the warehouse session.
    """
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        for table, rows in with_all_sources(to_arrow(given)).items():
            connection.register(table.name, rows)
        found = (
            connection.sql(_SQL.read_text(), params={"now": now or at(65)})
            .to_arrow_table()
            .to_pylist()
        )
    return {row["school_id"]: row for row in found}
