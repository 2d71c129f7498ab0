"""What computes an hour: rows are a function of the sources, the hour, and this."""

from importlib.metadata import version

from rollup.rates import Rates


def code_version(rates: Rates) -> str:
    """The release, and the rates that it was given."""
    given = {"storage": rates.storage_gb_per_minute, "cost": rates.cost_per_minute}
    return " ".join(
        [version("classwaves-ingestor"), *(f"{name}={rate}" for name, rate in given.items() if rate is not None)]
    )
