"""Every metric of the rollup's worker. `make docs` writes docs/metrics.md from this file."""

import sys

from classwaves_runtime.metrics import Metric, counter, gauge, histogram, page

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

# What was done.
RUNS = counter(
    "rollup_runs_total",
    "Runs of an hour, by how they came out: done, failed or overtaken.",
    "outcome",
)
RUN_DURATION = histogram(
    "rollup_run_duration_seconds", "From the beginning of an hour's run until it ended.", _SECONDS
)
FACTS = counter("rollup_facts_total", "Facts written.")
ROWS = counter("rollup_rows_total", "Rows of dashboard_metrics_hourly written.")
WITHOUT_SCHOOL = gauge(
    "rollup_events_without_school",
    "Events of the hour computed last that belong to no known school.",
)
LOOKS = counter("rollup_looks_total", "Looks at what has come late.")
MARKED = counter(
    "rollup_marked_runs_total", "Hours marked dirty because what they are made of has changed."
)

# How hours stand.
HOUR_LAG = gauge(
    "rollup_hour_lag_seconds",
    "Seconds since the end of the last hour up to which all are complete.",
)
DIRTY_RUNS = gauge("rollup_dirty_runs", "Hours that wait to be computed again.")
FAILED_RUNS = gauge("rollup_failed_runs", "Hours that could not be computed.")
LATE_RUNS = gauge(
    "rollup_late_runs", "Hours that were due more than 10 minutes ago and are not done."
)
INCOMPLETE_RUNS = gauge("rollup_incomplete_runs", "Computed hours that ingestion had not passed.")

# What it waits for.
RETRIES = counter("rollup_retries_total", "Times that the warehouse did not answer.")

WORKER: tuple[Metric, ...] = tuple(
    value for value in globals().values() if isinstance(value, Metric)
)


def document() -> str:
    """The catalogue as docs/metrics.md has it."""
    return page("Metrics of the rollup", WORKER)


if __name__ == "__main__":
    sys.stdout.write(f"\n{document()}")
