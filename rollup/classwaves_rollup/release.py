"""What computes an hour: rows are a function of the sources, the hour, and this."""

from functools import cache
from hashlib import sha256
from importlib.metadata import version

from classwaves_rollup.formulas import facts_statement, hourly_statement, without_school_statement
from classwaves_rollup.rates import Rates
from classwaves_schemas.tables import SOURCES


def code_version(rates: Rates) -> str:
    """The release, its formulas, and the rates that it was given."""
    given = {"storage": rates.storage_gb_per_minute, "cost": rates.cost_per_minute}
    estimates = [f"{name}={rate}" for name, rate in given.items() if rate is not None]
    return " ".join([version("classwaves-ingestor"), _formulas(), *estimates])


@cache
def _formulas() -> str:
    """Eight digits that change with any statement by which an hour is computed."""
    names = [source.qualified_name for source in SOURCES]
    statements = (facts_statement(names), without_school_statement(names), hourly_statement())
    return sha256("\n".join(statements).encode()).hexdigest()[:8]
