"""What the backend's own SQL makes of sources: to be seen failing."""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from tests.support.rollup.asking import everywhere
from tests.support.rollup.rows import Sources, arrow, at

_SQL = Path(__file__).with_name("backend.sql")


def backend(
    given: Sources, now: datetime | None = None, zone: str = "UTC"
) -> dict[str | None, dict[str, Any]]:
    """Its rows by school.

    Args:
        given: the sources.
        now: when it is run; five minutes after the hour if not given.
        zone: of the warehouse's session.
    """
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        for table, rows in everywhere(arrow(given)).items():
            connection.register(table.name, rows)
        found = (
            connection.sql(_SQL.read_text(), params={"now": now or at(65)})
            .to_arrow_table()
            .to_pylist()
        )
    return {row["school_id"]: row for row in found}
