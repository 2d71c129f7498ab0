"""Every metric of the write path. `make docs` writes docs/metrics.md from this file."""

import sys

from classwaves_ingestor.producer.metrics import PUBLISHER
from classwaves_runtime.metrics import Metric, counter, gauge, histogram, page

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_ROWS = (1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000)
_BYTES = tuple(float(4**power * 1024) for power in range(9))

# Input.
RECEIVED = counter("ingestor_received_messages_total", "Messages taken from the broker.")
HOLES = counter(
    "ingestor_offset_holes_total", "Offsets that the broker never delivered.", "partition"
)

# Results.
STORED = counter("ingestor_stored_rows_total", "Rows added to session_events.")
DUPLICATES = counter(
    "ingestor_duplicate_events_total",
    "Events left out because they were stored before.",
    "partition",
)
CONFLICTING = counter(
    "ingestor_conflicting_events_total",
    "Duplicates whose event_time or payload differed.",
    "partition",
)
DEAD_LETTERED = counter(
    "ingestor_dead_lettered_messages_total", "Messages sent to the dead letters.", "reason"
)
DROPPED_FIELDS = counter(
    "ingestor_dropped_fields_total",
    "Fields left out of rows, by the declared path of the field or its parent.",
    "path",
)

# Order and time.
SKIPPED_SEQUENCES = counter(
    "ingestor_skipped_sequences_total",
    "Sequence numbers missing between two that arrived: interior gaps opened.",
)
OUT_OF_ORDER = counter(
    "ingestor_out_of_order_events_total",
    "Events that arrived after a later one of their source, closing a gap.",
)
LATE = counter(
    "ingestor_late_events_total", "Events stored after minute 5 of the hour that follows theirs."
)
EVENT_LATENCY = histogram(
    "ingestor_event_latency_seconds", "From event_time until the row can be queried.", _SECONDS
)

# Commits.
BATCH_ROWS = histogram("ingestor_batch_rows", "Rows of a micro-batch, repeats included.", _ROWS)
BATCH_BYTES = histogram("ingestor_batch_bytes", "Memory that a micro-batch held.", _BYTES)
BATCH_AGE = histogram(
    "ingestor_batch_age_seconds",
    "From a micro-batch's first message until it was handed on.",
    _SECONDS,
)
COMMIT_DURATION = histogram(
    "ingestor_commit_duration_seconds",
    "From handing a micro-batch on until it was stored, waits included.",
    _SECONDS,
)
RETRIES = counter(
    "ingestor_retries_total", "Waits before trying again, by what did not answer.", "cause"
)
COMMIT_CONFLICTS = counter(
    "ingestor_commit_conflicts_total", "Commits tried again because another writer came first."
)
FENCED = counter(
    "ingestor_fenced_partitions_total", "Partitions given up because another owner had moved them."
)

# Lag.
END_OFFSET = gauge("ingestor_end_offset", "The next offset that the broker will give.", "partition")
STORED_POSITION = gauge("ingestor_stored_position", "The next offset to store.", "partition")
LAG = gauge(
    "ingestor_lag_messages", "Messages between the stored position and the end.", "partition"
)
LAG_SECONDS = gauge(
    "ingestor_lag_seconds",
    "Age of the newest stored message while there are newer ones.",
    "partition",
)
STOPPED = gauge("ingestor_stopped_partitions", "Partitions that cannot go on without a decision.")

# Backpressure.
PAUSED = gauge("ingestor_paused", "1 while nothing is fetched because the warehouse is behind.")
WARMING = gauge(
    "ingestor_warehouse_warming", "1 while the warehouse is starting up, which takes minutes."
)
HELD_BYTES = gauge(
    "ingestor_held_bytes", "Memory held by the growing batch and the commit in flight."
)
BUDGET_BYTES = gauge("ingestor_budget_bytes", "Memory that they may hold before intake stops.")

# Table.
TABLE_FILES = gauge("ingestor_table_files", "Live files of session_events.")
TABLE_BYTES = gauge("ingestor_table_bytes", "Bytes of the live files of session_events.")
TABLE_LOG_ENTRIES = gauge(
    "ingestor_table_log_entries", "Log entries of session_events since its last checkpoint."
)

CONSUMER: tuple[Metric, ...] = tuple(
    value for value in globals().values() if isinstance(value, Metric)
)


def document() -> str:
    """The text of docs/metrics.md."""
    return (
        page("Metrics of the consumer", CONSUMER)
        + "\n"
        + page("Metrics of the publisher", PUBLISHER)
    )


if __name__ == "__main__":
    sys.stdout.write(document())
