"""The metrics of the rollup's worker. `make docs` writes docs/metrics.md from this file."""

import sys

from classwaves_runtime.metrics import Metric, counter, gauge, histogram, page

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

# Work done.
RUNS = counter(
    "rollup_runs_total",
    "Runs of an hour by outcome: done, failed or superseded (another run computed the hour).",
    "outcome",
)
RUN_DURATION = histogram(
    "rollup_run_duration_seconds", "Duration of a run that is done or failed.", _SECONDS
)
FACTS = counter("rollup_facts_total", "Facts written.")
ROWS = counter("rollup_rows_total", "Rows of dashboard_metrics_hourly written.")
WITHOUT_SCHOOL = gauge(
    "rollup_events_without_school",
    "Events without a school in the hour that was computed last.",
)
SCANS = counter("rollup_scans_total", "Scans for late data.")
MARKED = counter(
    "rollup_marked_runs_total", "Hours marked dirty because their sources have changed."
)

# State of the hours.
HOUR_LAG = gauge(
    "rollup_hour_lag_seconds",
    "Seconds since the end of the last hour through which all hours are complete.",
)
DIRTY_RUNS = gauge("rollup_dirty_runs", "Hours that will be recomputed.")
FAILED_RUNS = gauge("rollup_failed_runs", "Hours that could not be computed.")
LATE_RUNS = gauge(
    "rollup_late_runs", "Hours that were due more than 10 minutes ago and are not done."
)
FUTURE_RUNS = gauge(
    "rollup_future_runs",
    "Hours of the run log that have not ended: `rollup once` computed the open hour, or a clock is "
    "or was wrong.",
)
INCOMPLETE_RUNS = gauge("rollup_incomplete_runs", "Done hours whose end ingestion had not passed.")

# Errors.
RETRIES = counter("rollup_retries_total", "Failures of the warehouse to respond.")

WORKER: tuple[Metric, ...] = tuple(
    value for value in globals().values() if isinstance(value, Metric)
)


def document() -> str:
    """The catalogue as a part of docs/metrics.md."""
    return page("Metrics of the rollup", WORKER)


if __name__ == "__main__":
    sys.stdout.write(f"\n{document()}")
