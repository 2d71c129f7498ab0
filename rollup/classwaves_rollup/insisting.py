"""Computing an hour that somebody asked for by name: it is done at the end, whoever did it."""

from collections.abc import Callable, Mapping
from datetime import datetime

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from classwaves_rollup.errors import Overtaken
from classwaves_rollup.hour import HourRun
from classwaves_rollup.run import Run
from classwaves_rollup.runs import Runs, read_runs

_ATTEMPTS = 8
_PAUSE = wait_random_exponential(multiplier=0.2, max=5)


def insist(
    hour_run: HourRun,
    hour: datetime,
    runs: Runs,
    examined: Mapping[str, int],
    enough: Callable[[Run], bool],
) -> Run:
    """Compute an hour, again if another run takes it over and does not come to a good end soon.

    Args:
        hour_run: computes it.
        hour: which.
        runs: the ledger as it was read last.
        examined: the look's position, to be kept with the row.
        enough: whether what another run has made of it meanwhile will do.

    Raises:
        Overtaken: it was taken over again and again.
        WarehouseUnavailable: the ledger could not be read or written.
    """
    known = runs

    def attempt() -> Run:
        nonlocal known
        try:
            return hour_run.compute(hour, known.get(hour), examined)
        except Overtaken:
            known = read_runs(hour_run.hours)
            other = known.get(hour)
            if other is not None and enough(other):
                return other
            raise

    return Retrying(
        retry=retry_if_exception_type(Overtaken),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=_PAUSE,
        reraise=True,
    )(attempt)
