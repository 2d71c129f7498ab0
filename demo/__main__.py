"""`make demo`: a school day from producers through a broker into a table, and the proof that nothing got lost."""

import os
import sys

from classwaves_runtime.entry_point import one_line_errors
from demo.incident import scripted
from demo.plan import Plan
from demo.settings import DemoSettings
from demo.stage import on_stage

_SEED = 7
_TELL_EVERY_SECONDS = 1.0


@one_line_errors()
def main() -> int:
    """The exit code."""
    settings = DemoSettings.from_environment(os.environ)
    plan = Plan(
        seed=_SEED,
        day_seconds=settings.demo_seconds,
        days=1,
        incidents=scripted(settings.demo_seconds) if settings.demo_chaos == "on" else (),
    )
    return on_stage(plan, settings.demo_folder, settings.warehouse, _TELL_EVERY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
