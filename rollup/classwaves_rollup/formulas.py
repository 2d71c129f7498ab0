"""The statements of the rollup, put together from `sql/`: an hour's facts, and what facts come to.

They are in the Databricks dialect, with named parameters and unqualified table names. Each file is one SELECT and
becomes a common table expression of its name. What the columns mean is told in docs/rollup.md.
"""

from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from string import Template
from typing import Final

from classwaves_rollup.rates import Rates
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, SOURCES, Table

HOUR: Final = timedelta(hours=1)
LONGEST_SPAN: Final = timedelta(hours=12)
"""An `ended` that comes later than this after its `started` does not belong to it."""
ZOMBIE_CUT_OFF: Final = timedelta(hours=4)
"""How long a session counts whose end nobody told."""

SEPARATOR: Final = "\x1f"
"""Between the ids of a parameter that holds many."""

_SQL: Final = files("classwaves_rollup") / "sql"
_PARTS: Final = {
    "longest_hours": str(LONGEST_SPAN // HOUR),
    "zombie_hours": str(ZOMBIE_CUT_OFF // HOUR),
    "columns": ",\n    ".join(DASHBOARD_METRICS_HOURLY.column_names[3:-1]),
    "separator": SEPARATOR,
}


def facts_statement(present: Container[str]) -> str:
    """The facts of one hour, as the columns of rollup_facts_hourly; its parameters are `window`.

    Args:
        present: qualified names of the sources that are there. Of the others nothing is known.
    """
    parts = _absent(present) | {
        name: _read(name) for name in ("boundaries", "stretches", "schools", "spans")
    }
    parts |= {f"{source.name}_facts": _read(source.name) for source in SOURCES}
    return _statement(parts, "\nUNION ALL\n".join(map(_facts_of, SOURCES)))


def without_school_statement(present: Container[str]) -> str:
    """How many events of one hour belong to no known school, as events_without_school; its parameters are `window`.

    Args:
        present: as in `facts_statement`.
    """
    return _statement(_absent(present) | {"schools": _read("schools")}, _read("without_school"))


def presence_statement(present: Container[str]) -> str:
    """What sessions had and have to do with hours; its parameters are `window` over many hours, and `sessions`.

    The columns are session_id, part, and hour: a number since 1970. The parameter `sessions` holds their ids, with
    SEPARATOR between them.

    Args:
        present: as in `facts_statement`.
    """
    parts = _absent(present) | {name: _read(name) for name in ("boundaries", "stretches")}
    return _statement(parts | {"presence": _read("presence")}, "SELECT * FROM presence")


def totals_statement() -> str:
    """What the facts of some hours come to by school; its parameters are `totals_parameters`.

    The columns are those of dashboard_metrics_hourly without id, metric_hour and created_at.
    """
    return _read("totals")


def hourly_statement() -> str:
    """What the facts of one hour come to: rows of dashboard_metrics_hourly. Its parameters are `hourly_parameters`."""
    return _statement({"totals": _read("totals")}, _read("hourly"))


def window(hour: datetime) -> Mapping[str, datetime]:
    """The hour, and the stretch of time whose starts and ends can have to do with it.

    Args:
        hour: aware, the start of an hour.
    """
    return {
        "hour": hour,
        "hour_end": hour + HOUR,
        "window_start": hour - LONGEST_SPAN,
        "window_end": hour + HOUR + LONGEST_SPAN,
    }


def totals_parameters(
    first: datetime, end: datetime, rates: Rates
) -> Mapping[str, datetime | str | float | None]:
    """Those of `totals_statement`.

    Args:
        first: aware, the start of the first hour.
        end: aware, the end of the last one.
        rates: for the estimates.
    """
    return {
        "hour": first,
        "hour_end": end,
        "storage_gb_per_minute": rates.storage_gb_per_minute,
        "cost_per_minute": rates.cost_per_minute,
        "calculation_method": rates.method,
    }


def hourly_parameters(hour: datetime, rates: Rates) -> Mapping[str, datetime | str | float | None]:
    """Those of `hourly_statement`.

    Args:
        hour: aware, the start of an hour.
        rates: for the estimates.
    """
    # The name is made here and not by the warehouse, whose sessions may have any time zone.
    name = hour.astimezone(UTC).strftime("%Y-%m-%d-%H")
    return {**totals_parameters(hour, hour + HOUR, rates), "hour_name": name}


def _read(name: str) -> str:
    return Template((_SQL / f"{name}.sql").read_text(encoding="utf-8")).substitute(_PARTS).rstrip()


def _absent(present: Container[str]) -> dict[str, str]:
    return {
        source.name: _empty(source) for source in SOURCES if source.qualified_name not in present
    }


def _empty(table: Table) -> str:
    columns = ",\n".join(
        f"    CAST(NULL AS {column.type}) AS {column.name}" for column in table.columns
    )
    return f"SELECT\n{columns}\nWHERE FALSE"


def _facts_of(source: Table) -> str:
    return (
        f"SELECT\n    :hour AS metric_hour,\n    school_id,\n    '{source.name}' AS source,\n"
        f"    fact,\n    entity_id,\n    amount,\n    weight\nFROM {source.name}_facts"
    )


def _statement(parts: Mapping[str, str], last: str) -> str:
    tables = ",\n\n".join(f"{name} AS (\n{text}\n)" for name, text in parts.items())
    return f"WITH {tables}\n\n{last}"
