"""What computes an hour: rows are a function of the sources, the hour, and this."""

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files

from rollup.rates import Rates


def code_version(rates: Rates) -> str:
    """The release, its statements, and the rates that it was given."""
    given = {"storage": rates.storage_gb_per_minute, "cost": rates.cost_per_minute}
    estimates = [f"{name}={rate}" for name, rate in given.items() if rate is not None]
    return " ".join([version("classwaves-ingestor"), _statements(), *estimates])


@cache
def _statements() -> str:
    """Eight digits that change with any of the formulas."""
    texts = sorted((file.name, file.read_text(encoding="utf-8")) for file in (files("rollup") / "sql").iterdir())
    return sha256(repr(texts).encode()).hexdigest()[:8]
