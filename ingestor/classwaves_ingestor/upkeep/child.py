"""The upkeep process of a consumer: `python -m classwaves_ingestor.upkeep.child SECONDS`.

It runs a pass every SECONDS, at low priority, and writes a `PassReport` for each to stdout. It ends
when its stdin does: when its consumer closes the pipe or dies, even by SIGKILL. No pass needs to
finish, so it ends at once.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from classwaves_ingestor.upkeep.report import PassReport, peak_bytes
from classwaves_runtime import logs
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_runtime.entry_point import one_line_errors
from classwaves_warehouse.errors import WarehouseError
from classwaves_warehouse.interface import Upkeep
from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.settings import WarehouseSettings

log = logging.getLogger(__name__)

_NICENESS = 10


def run_passes(
    upkeep: Upkeep,
    seconds: float,
    clock: Clock,
    pause: Callable[[float], object],
    write: Callable[[str], object],
) -> None:
    """Run passes without end. A failed pass is reported, and the next one tries again.

    An outage is one log line at its begin and one at its end.

    Args:
        upkeep: of the tables.
        seconds: from the end of a pass to the next one; a pass that ended at its limit has none.
        clock: measures a pass.
        pause: waits for some seconds.
        write: takes the line of a report.
    """
    is_failing = False
    while True:
        report = run_pass(upkeep, clock)
        if report.error is not None and not is_failing:
            log.warning("A pass of upkeep failed; the next one tries again: %s", report.error)
        elif report.error is None and is_failing:
            log.info("Upkeep succeeds again")
        is_failing = report.error is not None
        write(report.to_json() + "\n")
        if is_failing or not any(table.unfinished for table in report.tables):
            pause(seconds)


def run_pass(upkeep: Upkeep, clock: Clock) -> PassReport:
    """Run one pass and report it, even if the warehouse fails."""
    began = clock.monotonic()
    try:
        tables, problem = upkeep.run_once(), None
    except WarehouseError as error:
        tables, problem = (), str(error)
    return PassReport(tables, clock.monotonic() - began, peak_bytes(), problem)


def end_with(lifeline: int) -> None:
    """End this process when a pipe is at its end.

    Args:
        lifeline: file descriptor of the pipe's read end.
    """

    def wait() -> None:
        while os.read(lifeline, 4096):
            pass
        os._exit(0)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


@one_line_errors()
def main(seconds: float) -> None:
    """Run passes until stdin is at its end."""
    end_with(sys.stdin.fileno())
    # A Ctrl-C on a terminal reaches this process too; its consumer decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    logs.configure(os.environ)
    upkeep = open_warehouse(WarehouseSettings.from_environment(os.environ).warehouse).upkeep()

    def write(line: str) -> None:
        sys.stdout.write(line)
        sys.stdout.flush()

    run_passes(upkeep, seconds, SystemClock(), time.sleep, write)


if __name__ == "__main__":
    main(float(sys.argv[1]))
