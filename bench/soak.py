"""`make soak`: the demo's school days one after the other, with consumers killed at random.

SOAK_MINUTES=n sets how long; SOAK_SEED=n plays the same days and the same kills again (in a SQL warehouse, where others
may have rows, the same kills on other days).
"""

import os
import sys
from pathlib import Path
from random import Random

from pydantic import Field, PositiveFloat

from classwaves_runtime.entry_point import one_line_errors
from demo.incident import at_random
from demo.plan import Plan
from demo.settings import PlaceSettings
from demo.stage import on_stage

DAY_SECONDS = 60.0
CONSUMERS = 3
KILL_EVERY_SECONDS = 15.0
TELL_EVERY_SECONDS = 10.0


class SoakSettings(PlaceSettings):
    """How long, where, and which days."""

    soak_minutes: PositiveFloat = Field(
        default=30.0, description="minutes for which producers send"
    )
    soak_seed: int = Field(default=1, description="a number that decides what happens")
    soak_folder: Path | None = Field(
        default=None, description="an empty or missing folder for the soak's files"
    )


def plan_of(settings: SoakSettings) -> Plan:
    """Days of a minute each."""
    days = max(1, round(settings.soak_minutes * 60 / DAY_SECONDS))
    kills = at_random(Random(settings.soak_seed), days * DAY_SECONDS, KILL_EVERY_SECONDS)
    return Plan(
        seed=settings.soak_seed,
        day_seconds=DAY_SECONDS,
        days=days,
        incidents=tuple(kills),
        consumers=CONSUMERS,
    )


@one_line_errors()
def main() -> int:
    """The exit code."""
    settings = SoakSettings.from_environment(os.environ)
    return on_stage(plan_of(settings), settings.soak_folder, settings.warehouse, TELL_EVERY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
