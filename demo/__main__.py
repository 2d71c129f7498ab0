"""`make demo`: a school day from producers through a broker into a table, with a proof."""

import os
import sys

from classwaves_runtime.entry_point import one_line_errors
from demo.faults import scheduled_kills
from demo.main import run_demo
from demo.settings import DemoSettings, Plan

_SEED = 7
_REPORT_EVERY_SECONDS = 1.0


@one_line_errors()
def main() -> int:
    """The exit code."""
    settings = DemoSettings.from_environment(os.environ)
    plan = Plan(
        seed=_SEED,
        day_seconds=settings.demo_seconds,
        days=1,
        faults=scheduled_kills(settings.demo_seconds) if settings.demo_chaos == "on" else (),
    )
    return run_demo(plan, settings.demo_folder, settings.warehouse, _REPORT_EVERY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
