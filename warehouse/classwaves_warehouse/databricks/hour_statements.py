"""The statements of the rollup, from `sql/`. Filled in are names of contracts, versions, hours and queries."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from string import Template
from typing import Final

from classwaves_schemas.tables import ROLLUP_RUNS, Table

_SQL: Final = files("classwaves_warehouse.databricks") / "sql"


def replace_hour(table: Table, place: str, version: int, hour: datetime, query: str) -> str:
    """Replace an hour by what a query gives, unless its rows are not those of a version any more."""
    refused = [
        f"CAST(raise_error('written meanwhile') AS {table.columns[0].type})",
        *("NULL" for _ in table.columns[1:]),
    ]
    return _read(
        "replace_hour",
        place=place,
        during=during(hour),
        moved=_moved(place, version, hour),
        columns=", ".join(table.column_names),
        query=query,
        refused=", ".join(refused),
    )


def moved(place: str, version: int, hour: datetime) -> str:
    """Ask how many rows of an hour are not those of a version any more."""
    return f"SELECT COUNT(*) AS moved FROM (\n{_moved(place, version, hour)}\n) AS moved"  # noqa: S608  # our names


def changed(place: str, version: int, columns: Sequence[str]) -> str:
    """Ask what came, changed or went since a version."""
    return _read("changed", place=place, version=version, columns=", ".join(columns))


def upsert_run(place: str, hour: datetime) -> str:
    """Write a row of rollup_runs, given as a parameter a column, if the hour is with the run :expected_run."""
    values = ", ".join(
        f"CAST(:{column.name} AS {column.type}) AS {column.name}" for column in ROLLUP_RUNS.columns
    )
    return _read("upsert_run", place=place, during=during(hour), values=values)


def stored_until(place: str) -> str:
    """Ask how far the partitions of a topic's incarnations are stored."""
    return _read("stored_until", place=place)


def during(hour: datetime) -> str:
    """The condition for rows of an hour: a literal, by which files are left out and conflicts judged."""
    return f"metric_hour = TIMESTAMP '{text(hour)}'"


def text(hour: datetime) -> str:
    """An hour as literals and histories have it, in UTC as the session is."""
    return f"{hour.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _moved(place: str, version: int, hour: datetime) -> str:
    return _read("hour_moved", place=place, version=version, during=during(hour))


def _read(name: str, **parts: object) -> str:
    return Template((_SQL / f"{name}.sql").read_text()).substitute(parts).rstrip()
