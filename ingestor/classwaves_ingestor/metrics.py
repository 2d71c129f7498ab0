"""Every metric of the write path. `make docs` writes docs/metrics.md from this file."""

import sys

from classwaves_ingestor.producer.metrics import PUBLISHER
from classwaves_runtime.metrics import Metric, counter, gauge, histogram, page

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_ROWS = (1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000)
_BYTES = tuple(float(4**power * 1024) for power in range(9))

# Input.
RECEIVED = counter(
    "ingestor_received_messages_total", "Messages that were polled and are not stale."
)
HOLES = counter(
    "ingestor_offset_holes_total", "Offsets that the broker never delivered.", "partition"
)
EXPIRED = counter(
    "ingestor_expired_offsets_total",
    "Offsets that retention deleted before they were read.",
    "partition",
)

# Results.
STORED = counter("ingestor_stored_rows_total", "Rows added to session_events.")
DUPLICATES = counter(
    "ingestor_duplicate_events_total",
    "Events that are not stored because their identity was stored before.",
    "partition",
)
CONFLICTING = counter(
    "ingestor_conflicting_events_total",
    "Duplicates with another event_time or payload than the stored event.",
    "partition",
)
DEAD_LETTERED = counter(
    "ingestor_dead_lettered_messages_total", "Messages written to the dead-letter topic.", "reason"
)
DROPPED_FIELDS = counter(
    "ingestor_dropped_fields_total",
    "Fields that are not stored, by the declared path of the field or its parent.",
    "path",
)

# Order and time.
SKIPPED_SEQUENCES = counter(
    "ingestor_skipped_sequences_total",
    "Sequence numbers missing between two that arrived: new interior gaps.",
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
BATCH_BYTES = histogram("ingestor_batch_bytes", "Memory of a micro-batch.", _BYTES)
BATCH_AGE = histogram(
    "ingestor_batch_age_seconds",
    "From a micro-batch's first message until its commit was submitted.",
    _SECONDS,
)
COMMIT_DURATION = histogram(
    "ingestor_commit_duration_seconds",
    "From the start of a commit until it was stored, retries included.",
    _SECONDS,
)
RETRIES = counter("ingestor_retries_total", "Retries, by the unavailable service.", "cause")
COMMIT_CONFLICTS = counter(
    "ingestor_commit_conflicts_total",
    "Commits repeated after a conflicting commit of another writer.",
)
FENCED = counter(
    "ingestor_fenced_partitions_total",
    "Partitions fenced because another owner had moved their position.",
)

# Lag.
END_OFFSET = gauge("ingestor_end_offset", "High watermark of the partition.", "partition")
STORED_POSITION = gauge("ingestor_stored_position", "The next offset to store.", "partition")
LAG = gauge(
    "ingestor_lag_messages", "Messages between the stored position and the end.", "partition"
)
LAG_SECONDS = gauge(
    "ingestor_lag_seconds",
    "Age of the newest stored message while there are newer ones.",
    "partition",
)
TIME_SOURCE = gauge(
    "ingestor_broker_time_source",
    "1 for the source of the brokers' time: clock-topic, messages, or unknown, with which no hour "
    "becomes complete.",
    "time_source",
)
STALLED_SECONDS = gauge(
    "ingestor_stalled_seconds",
    "Seconds for which the stored position has not moved although the log has more.",
    "partition",
)
BROKER_SILENCE = gauge(
    "ingestor_broker_silence_seconds",
    "Seconds since a broker last answered: end offsets and lag are at least as old.",
)
STOPPED = gauge(
    "ingestor_stopped_partitions", "Partitions that are stopped until an operator acts."
)

# Backpressure.
PAUSED = gauge("ingestor_paused", "1 while fetching is paused because the warehouse is behind.")
WARMING = gauge(
    "ingestor_warehouse_warming", "1 while the warehouse is starting up, which takes minutes."
)
HELD_BYTES = gauge("ingestor_held_bytes", "Memory of the buffered batch and the commit in flight.")
BUDGET_BYTES = gauge(
    "ingestor_budget_bytes", "Memory limit of batch and commit, at which intake stops."
)

# Table.
TABLE_FILES = gauge("ingestor_table_files", "Live files of session_events.")
TABLE_BYTES = gauge("ingestor_table_bytes", "Bytes of the live files of session_events.")
TABLE_LOG_ENTRIES = gauge(
    "ingestor_table_log_entries", "Log entries of session_events since its last checkpoint."
)

# Deduplication.
DEDUP_IDENTITIES = gauge(
    "ingestor_dedup_identities", "Identities of stored events in the dedup index."
)
DEDUP_MEMORY_BYTES = gauge(
    "ingestor_dedup_memory_bytes", "Memory of the dedup index: the newest identities and filters."
)
DEDUP_DISK_BYTES = gauge("ingestor_dedup_disk_bytes", "Bytes of the dedup index in DEDUP_FOLDER.")
DEDUP_TABLE_READS = gauge(
    "ingestor_dedup_table_reads",
    "Reads of identities from the table since the start. If it grows with each batch, raise "
    "DEDUP_MAX_IDENTITIES or free DEDUP_FOLDER.",
)

# Upkeep, by the consumer that owns partition 0.
UPKEEP_PASSES = counter(
    "ingestor_upkeep_passes_total",
    "Passes of upkeep: done, failed, or died with its process.",
    "outcome",
)
UPKEEP_LAST_PASS = gauge(
    "ingestor_upkeep_last_pass_timestamp_seconds",
    "When a pass of upkeep was last done; 0 if never.",
)
UPKEEP_FILES = gauge(
    "ingestor_upkeep_files", "Live files of a table after the last pass of upkeep.", "table"
)
UPKEEP_LOST_GROUPS = counter(
    "ingestor_upkeep_lost_groups_total",
    "Groups of files not rewritten because another writer touched them.",
)
UPKEEP_MEMORY = gauge(
    "ingestor_upkeep_memory_bytes", "The most memory that the upkeep process has had."
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
