"""Computes a range of hours in parallel, oldest first, without the hours that are up to date."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from classwaves_rollup.errors import Superseded
from classwaves_rollup.hour_computer import HourComputer, compute_until_done
from classwaves_rollup.late_data import LateDataScan
from classwaves_rollup.run_log import Run, RunLog, State, has_ended, latest_versions


@dataclass(frozen=True, slots=True)
class Backfill:
    """Computes hours in several threads.

    Args:
        open_computer: called once in each thread.
        scan: for late data. Its examined versions are kept with the runs.
        workers: number of threads.
        stop: set when no further hour may start.
    """

    open_computer: Callable[[], HourComputer]
    scan: LateDataScan
    workers: int
    stop: threading.Event

    def mark_late_data(self) -> RunLog:
        """Mark the hours dirty whose sources have changed; give the run log after that."""
        return self.scan.mark(self.open_computer().store)

    def remaining(self, hours: Sequence[datetime], run_log: RunLog) -> list[datetime]:
        """The hours that are not up to date, in the given order."""
        computer = self.open_computer()
        through = computer.ingestion.ingested_through(computer.store)
        incomplete = set() if through is None else set(run_log.incomplete(through))
        version, now = computer.code_version, computer.clock.now()
        return [
            hour
            for hour in hours
            if hour in incomplete
            or not has_ended(hour, now)
            or not _is_up_to_date(run_log.get(hour), version)
        ]

    def results(
        self, hours: Sequence[datetime], run_log: RunLog
    ) -> Iterator[tuple[datetime, Run | Superseded]]:
        """Compute hours; give each hour with its result when it finishes.

        Hours that have not started when `stop` is set are left out.

        Raises:
            WarehouseUnavailable: the run log could not be read or written. Finished hours stay
                done.
        """
        local = threading.local()
        examined = latest_versions(run_log.examined_versions, self.scan.examined_versions)

        def open_computer() -> None:
            local.computer = self.open_computer()

        def compute(hour: datetime) -> Run | Superseded:
            computer: HourComputer = local.computer
            version = computer.code_version
            try:
                return compute_until_done(
                    computer,
                    hour,
                    run_log,
                    examined,
                    accept=lambda run: _is_up_to_date(run, version),
                )
            except Superseded as error:
                return error

        waiting, running = iter(hours), dict[Future[Run | Superseded], datetime]()
        with ThreadPoolExecutor(self.workers, "hour", open_computer) as pool:
            while True:
                free = 0 if self.stop.is_set() else self.workers - len(running)
                running |= {pool.submit(compute, hour): hour for hour in islice(waiting, free)}
                if not running:
                    return
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield running.pop(future), future.result()


def _is_up_to_date(run: Run | None, version: str) -> bool:
    return run is not None and run.state is State.DONE and run.code_version == version
