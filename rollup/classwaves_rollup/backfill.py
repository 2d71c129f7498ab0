"""Many hours at once: computed side by side, oldest first, and left out where they are right already."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from classwaves_rollup.errors import Overtaken
from classwaves_rollup.hour import HourRun
from classwaves_rollup.insisting import insist
from classwaves_rollup.release import code_version
from classwaves_rollup.repair import Look
from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import Runs, latest


@dataclass(frozen=True, slots=True)
class Backfill:
    """Hours to be computed.

    Args:
        opened: gives each thread what it computes hours with.
        look: finds what came late. Its position is kept with the rows of the runs.
        workers: how many threads; each computes an hour from the first step to the last.
        stop: set when no further hour is to be begun.
    """

    opened: Callable[[], HourRun]
    look: Look
    workers: int
    stop: threading.Event

    def looked(self) -> Runs:
        """The ledger, in which every hour that is not what its sources give now is marked dirty."""
        return self.look.at(self.opened().hours)

    def left(self, wanted: Sequence[datetime], runs: Runs) -> list[datetime]:
        """Those of the wanted hours that are not right, oldest first."""
        mine = self.opened()
        passed, by = mine.ingestion.passed(mine.hours), code_version(mine.rates)
        incomplete = set() if passed is None else set(runs.incomplete(passed))
        return [hour for hour in wanted if hour in incomplete or not _right(runs.get(hour), by)]

    def results(
        self, wanted: Sequence[datetime], runs: Runs
    ) -> Iterator[tuple[datetime, Run | Overtaken]]:
        """Each hour with what became of it, as they end. What is not begun when `stop` is set is left out.

        Raises:
            WarehouseUnavailable: the ledger could not be read or written. What was done stays done.
        """
        local, examined = threading.local(), latest(runs.examined, self.look.examined)

        def opened() -> None:
            local.hour_run = self.opened()

        def compute(hour: datetime) -> Run | Overtaken:
            hour_run: HourRun = local.hour_run
            by = code_version(hour_run.rates)
            try:
                return insist(hour_run, hour, runs, examined, lambda run: _right(run, by))
            except Overtaken as error:
                return error

        waiting, running = iter(wanted), dict[Future[Run | Overtaken], datetime]()
        with ThreadPoolExecutor(self.workers, "hour", opened) as pool:
            while True:
                free = 0 if self.stop.is_set() else self.workers - len(running)
                running |= {pool.submit(compute, hour): hour for hour in islice(waiting, free)}
                if not running:
                    return
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield running.pop(future), future.result()


def _right(run: Run | None, by: str) -> bool:
    return run is not None and run.state is State.DONE and run.code_version == by
