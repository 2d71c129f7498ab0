"""The rollup's last word on a demo: what the hours come to in which its events lie."""

from datetime import UTC, datetime

from classwaves_rollup.formulas import HOUR
from classwaves_rollup.schedule import hour_of
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY
from classwaves_warehouse.interface import RollupStore
from classwaves_warehouse.open import open_warehouse
from demo.report import Report
from demo.world import World

_TOTALS = f"""
SELECT
    CAST(COUNT(*) AS BIGINT) AS schools,
    CAST(SUM(sessions_active) AS BIGINT) AS sessions,
    CAST(SUM(sessions_completed) AS BIGINT) AS completed,
    CAST(SUM(teachers_active) AS BIGINT) AS teachers,
    CAST(SUM(students_active) AS BIGINT) AS students,
    CAST(SUM(total_prompts_used) AS BIGINT) AS prompts
FROM {DASHBOARD_METRICS_HOURLY.name}
WHERE metric_hour = :hour
"""


def roll_up(world: World, report: Report) -> None:
    """Compute each hour since the world began, and tell what it comes to.

    Raises:
        CommandFailed: an hour could not be computed.
    """
    hours = open_warehouse(world.settings.warehouse).rollup()
    hour, now = hour_of(world.begun_at), datetime.now(UTC)
    while hour <= now:
        name = f"{hour:%Y-%m-%dT%H}"
        report.say(f"The hour's rollup: rollup once --hour {name}")
        report.show(world.output("rollup", "once", "--hour", name))
        report.show(_totals(hours, hour))
        hour += HOUR


def _totals(hours: RollupStore, hour: datetime) -> str:
    with hours.snapshot([DASHBOARD_METRICS_HOURLY]) as snapshot:
        (row,) = snapshot.query(_TOTALS, {"hour": hour}).to_pylist()
    return "   ".join(
        f"{name} {'unknown' if count is None else f'{count:,}'}" for name, count in row.items()
    )
