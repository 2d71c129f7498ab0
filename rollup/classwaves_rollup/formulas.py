"""The SQL statements of the rollup, their parameters, and the version that identifies them.

Statements are in the Databricks dialect, with named parameters and unqualified table names. Each
file in `sql/` is one SELECT; a statement uses it as a CTE of the file's name, a source's file as
`<source>_facts`. `hourly`, `without_school` and, in `totals_statement`, `totals` are whole SELECTs.
docs/rollup.md defines the columns.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Final

from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, SOURCES, Table
from classwaves_warehouse.sql_files import load_sql

HOUR: Final = timedelta(hours=1)
MAX_DURATION: Final = timedelta(hours=12)
"""An `ended` that follows its `started` by more than this does not end the session."""
ASSUMED_DURATION: Final = timedelta(hours=4)
"""The duration of a session that has no `ended`."""

SEPARATOR: Final = "\x1f"
"""Separates the ids in a parameter that holds several."""

_SUBSTITUTIONS: Final = {
    "max_duration_hours": str(MAX_DURATION // HOUR),
    "assumed_duration_hours": str(ASSUMED_DURATION // HOUR),
    "columns": ",\n    ".join(DASHBOARD_METRICS_HOURLY.column_names[3:-1]),
    "separator": SEPARATOR,
}


@dataclass(frozen=True, slots=True)
class Rates:
    """The configured rates of the estimates. Without a rate its estimate is NULL.

    Args:
        storage_gb_per_minute: gigabytes stored per session minute.
        cost_per_minute: computing cost per session minute, in any currency.
    """

    storage_gb_per_minute: float | None = None
    cost_per_minute: float | None = None

    @property
    def calculation_method(self) -> str:
        """How a row was computed, with each rate that was used."""
        parts = ["facts"]
        if self.storage_gb_per_minute is not None:
            parts.append(f"storage {self.storage_gb_per_minute} GB/min")
        if self.cost_per_minute is not None:
            parts.append(f"cost {self.cost_per_minute}/min")
        return "; ".join(parts)


def facts_statement(present: Container[str]) -> str:
    """The facts of one hour, as columns of rollup_facts_hourly. Its parameters are `window`.

    Args:
        present: qualified names of the sources that exist. The others are read as empty.
    """
    tables = _empty_sources(present) | {
        name: _read(name)
        for name in ("boundaries", "session_intervals", "schools", "active_minutes")
    }
    tables |= {f"{source.name}_facts": _read(source.name) for source in SOURCES}
    return _with(tables, "\nUNION ALL\n".join(map(_select_facts, SOURCES)))


def without_school_statement(present: Container[str]) -> str:
    """The number of an hour's events without a school, as the column events_without_school.

    Its parameters are `window`.

    Args:
        present: as in `facts_statement`.
    """
    tables = _empty_sources(present) | {"schools": _read("schools")}
    return _with(tables, _read("without_school"))


def session_activity_statement(present: Container[str]) -> str:
    """How sessions relate to hours, before and after their rows changed.

    Its parameters are `window` over a range of hours, and `sessions`: ids joined by SEPARATOR.
    Its columns are session_id, kind, and hour: the number of hours since 1970.

    Args:
        present: as in `facts_statement`.
    """
    tables = _empty_sources(present) | {
        name: _read(name) for name in ("boundaries", "session_intervals", "session_activity")
    }
    return _with(tables, "SELECT * FROM session_activity")


def totals_statement() -> str:
    """The totals of a range of hours by school. Its parameters are `totals_parameters`.

    The columns are those of dashboard_metrics_hourly without id, metric_hour and created_at.
    """
    return _read("totals")


def hourly_statement() -> str:
    """One hour's rows of dashboard_metrics_hourly. Its parameters are `hourly_parameters`."""
    return _with({"totals": _read("totals")}, _read("hourly"))


def window(hour: datetime) -> Mapping[str, datetime]:
    """The hour, and the interval in which starts and ends can affect it.

    Args:
        hour: aware, the start of an hour.
    """
    return {
        "hour": hour,
        "hour_end": hour + HOUR,
        "window_start": hour - MAX_DURATION,
        "window_end": hour + HOUR + MAX_DURATION,
    }


def totals_parameters(
    first: datetime, end: datetime, rates: Rates
) -> Mapping[str, datetime | str | float | None]:
    """The parameters of `totals_statement`.

    Args:
        first: aware, the start of the first hour.
        end: aware, the end of the last hour.
        rates: of the estimates.
    """
    return {
        "hour": first,
        "hour_end": end,
        "storage_gb_per_minute": rates.storage_gb_per_minute,
        "cost_per_minute": rates.cost_per_minute,
        "calculation_method": rates.calculation_method,
    }


def hourly_parameters(hour: datetime, rates: Rates) -> Mapping[str, datetime | str | float | None]:
    """The parameters of `hourly_statement`.

    Args:
        hour: aware, the start of an hour.
        rates: of the estimates.
    """
    # Formatted here and not in SQL: a warehouse session may have any time zone.
    name = hour.astimezone(UTC).strftime("%Y-%m-%d-%H")
    return {**totals_parameters(hour, hour + HOUR, rates), "hour_name": name}


@dataclass(frozen=True, slots=True)
class Formulas:
    """The statements that compute an hour.

    Args:
        facts: from the sources that exist to `facts_statement`.
        without_school: from the sources that exist to `without_school_statement`.
        hourly: gives `hourly_statement`.
    """

    facts: Callable[[Container[str]], str] = facts_statement
    without_school: Callable[[Container[str]], str] = without_school_statement
    hourly: Callable[[], str] = hourly_statement


FORMULAS: Final = Formulas()
"""The statements of this release."""


def code_version(rates: Rates, formulas: Formulas = FORMULAS) -> str:
    """What determines an hour's rows apart from the sources: release, statements and rates."""
    configured = {"storage": rates.storage_gb_per_minute, "cost": rates.cost_per_minute}
    estimates = [f"{name}={rate}" for name, rate in configured.items() if rate is not None]
    return " ".join([version("classwaves-ingestor"), _digest(formulas), *estimates])


@cache
def _digest(formulas: Formulas) -> str:
    """Eight hexadecimal digits that change with any statement that computes an hour."""
    names = [source.qualified_name for source in SOURCES]
    statements = (formulas.facts(names), formulas.without_school(names), formulas.hourly())
    return sha256("\n".join(statements).encode()).hexdigest()[:8]


def _read(name: str) -> str:
    return load_sql("classwaves_rollup", name, **_SUBSTITUTIONS)


def _empty_sources(present: Container[str]) -> dict[str, str]:
    return {
        source.name: _empty(source) for source in SOURCES if source.qualified_name not in present
    }


def _empty(table: Table) -> str:
    columns = ",\n".join(
        f"    CAST(NULL AS {column.type}) AS {column.name}" for column in table.columns
    )
    return f"SELECT\n{columns}\nWHERE FALSE"


def _select_facts(source: Table) -> str:
    return (
        f"SELECT\n    :hour AS metric_hour,\n    school_id,\n    '{source.name}' AS source,\n"
        f"    fact,\n    entity_id,\n    amount,\n    weight\nFROM {source.name}_facts"
    )


def _with(tables: Mapping[str, str], last: str) -> str:
    expressions = ",\n\n".join(f"{name} AS (\n{text}\n)" for name, text in tables.items())
    return f"WITH {expressions}\n\n{last}"
