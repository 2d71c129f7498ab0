"""Metrics, health and one log line per commit."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classwaves_ingestor import metrics
from classwaves_ingestor.consumer.admit import AdmittedMessages
from classwaves_ingestor.consumer.decode import Decoded
from classwaves_ingestor.consumer.micro_batch import CommitResult, MicroBatch
from classwaves_ingestor.consumer.outages import Outages
from classwaves_ingestor.consumer.sequences import SequenceWatch
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.interface import Connection, TimeSource
from classwaves_runtime.clock import Clock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.errors import WarehouseUnavailable, WarehouseWarming
from classwaves_warehouse.interface import DedupLoad, Positions, TableSize

log = logging.getLogger(__name__)

_PARTITION_GAUGES = (
    metrics.END_OFFSET,
    metrics.STORED_POSITION,
    metrics.LAG,
    metrics.LAG_SECONDS,
    metrics.STALLED_SECONDS,
)
_SILENT_SECONDS = 10.0  # the consumer always waits for some answer, which takes half a second
_STALLED_SECONDS = 120.0
_TIME_WARNINGS = {
    TimeSource.CLOCK_TOPIC: "The clock topic was not read; the time of the brokers is advanced "
    "from the last reading",
    TimeSource.MESSAGES: "The clock topic was not read; the time of the brokers comes from the "
    "messages, and is unknown from a start until one arrives",
    TimeSource.UNKNOWN: "The time of the brokers is unknown: no hour becomes complete. Create the "
    "clock topic with `ingestor topics create`, and grant this client the right to write to it",
}
_HOUR_US = 3_600_000_000
_ROLLUP_US = 300_000_000  # the rollup computes an hour at minute 5 of the next hour


class Observer:
    """Reports what the pipeline does. It has no effect on the pipeline.

    Args:
        meters: the consumer's metrics.
        health: health of this process.
        clock: measures ages and latencies.
        sequences: finds gaps.
    """

    def __init__(
        self, meters: Meters, health: Health, clock: Clock, sequences: SequenceWatch
    ) -> None:
        self._meters = meters
        self._health = health
        self._clock = clock
        self._sequences = sequences
        self._polled_ms: dict[int, int] = {}
        self._submitted_ms: dict[int, int] = {}
        self._stored_ms: dict[int, int] = {}
        self._shown: set[int] = set()
        self._time_source: tuple[TimeSource, str | None] | None = None
        self._moved: dict[int, tuple[int, float]] = {}
        self._unready: set[int] = set()
        self._outages = Outages(health, clock)
        self._retried: set[str] = set()
        self._connection_errors = 0
        self._expelled = False

    def set_budget(self, budget_bytes: int) -> None:
        """Set the memory limit at which intake stops."""
        self._meters.set(metrics.BUDGET_BYTES, budget_bytes)

    def polled(self, admitted: AdmittedMessages, decoded: Decoded) -> None:
        """Count the messages of a poll, and report that the loop is alive."""
        self._health.heartbeat()
        self._meters.count(metrics.RECEIVED, len(admitted.messages))
        for partition, covered in admitted.ranges.items():
            self._meters.count(metrics.HOLES, covered.holes.count, partition)
        for path, fields in decoded.dropped.items():
            self._meters.count(metrics.DROPPED_FIELDS, fields, path)
        self._polled_ms.update(admitted.timestamps_ms)

    def expired(self, partition: int, offsets: int) -> None:
        """Count offsets that retention deleted before they were read."""
        self._meters.count(metrics.EXPIRED, offsets, partition)

    def submitted(self, batch: MicroBatch, age_seconds: float) -> None:
        """Report a micro-batch that the ledger thread received. It ends with the latest poll."""
        self._meters.observe(metrics.BATCH_ROWS, batch.rows.num_rows)
        self._meters.observe(metrics.BATCH_BYTES, batch.bytes)
        self._meters.observe(metrics.BATCH_AGE, age_seconds)
        self._submitted_ms = dict(self._polled_ms)

    def retrying(self, cause: BrokerUnavailable | WarehouseUnavailable) -> None:
        """Report that warehouse or broker is unavailable and a call is retried."""
        what = "broker" if isinstance(cause, BrokerUnavailable) else "warehouse"
        self._meters.count(metrics.RETRIES, 1, what)
        self._retried.add(what)
        self._outages.failed(what, str(cause))
        self._meters.set(metrics.WARMING, isinstance(cause, WarehouseWarming))

    def waiting(self) -> None:
        """Report that the process is alive while it waits to start."""
        self._health.heartbeat()

    def left_group(self) -> None:
        """The group expelled this consumer: it has no partitions and reads nothing."""
        self._expelled = True
        self._health.unready("group", "the group expelled this consumer, which joins again")

    def joined_group(self) -> None:
        """The group accepted this consumer, with partitions or without."""
        self._expelled = False
        self._health.ready("group")

    def mark_ready(self) -> None:
        """Report that warehouse and broker are available: the process is ready."""
        self._health.ready("start")
        self._retried.clear()
        for service in ("broker", "warehouse"):
            self._outages.answered(service)
        self._meters.set(metrics.WARMING, 0)

    def broker_time_read(self, source: TimeSource, problem: str | None) -> None:
        """Report where the time of the brokers comes from; logs a change.

        Args:
            source: of the time that the next commit uses.
            problem: why the clock topic could not be read; None if it could.
        """
        if (source, problem) == self._time_source:
            return
        self._time_source = source, problem
        for each in TimeSource:
            self._meters.set(metrics.TIME_SOURCE, each is source, each.value)
        if problem is None:
            log.info("The time of the brokers comes from the clock topic")
        else:
            log.warning(_TIME_WARNINGS[source], extra={"problem": problem})

    def committed(self, batch: MicroBatch, result: CommitResult) -> None:
        """Report a committed micro-batch, without its fenced partitions."""
        count, stored = self._meters.count, result.stored
        count(metrics.STORED, stored.rows)
        count(metrics.COMMIT_CONFLICTS, stored.attempts - 1)
        count(metrics.FENCED, len(result.fenced))
        for partition, duplicates in stored.duplicates.items():
            count(metrics.DUPLICATES, duplicates, partition)
        for partition, conflicting in stored.conflicting.items():
            count(metrics.CONFLICTING, conflicting, partition)
        for reason, messages in _dead_letters(batch, result).items():
            count(metrics.DEAD_LETTERED, messages, reason)
        self._meters.observe(metrics.COMMIT_DURATION, result.seconds)
        if stored.dedup is not None:
            self._report_dedup(stored.dedup)
        self._order_and_time(batch.rows)
        self._stored_ms |= self._submitted_ms
        self.mark_ready()
        log.log(
            logging.INFO if stored.rows or batch.rejects else logging.DEBUG,
            "Committed",
            extra={
                "rows": stored.rows,
                "duplicates": sum(stored.duplicates.values()),
                "dead_letters": len(batch.rejects),
                "positions": dict(result.positions),
                "seconds": round(result.seconds, 3),
            },
        )

    def _report_dedup(self, load: DedupLoad) -> None:
        self._meters.set(metrics.DEDUP_IDENTITIES, load.identities)
        self._meters.set(metrics.DEDUP_MEMORY_BYTES, load.memory_bytes)
        self._meters.set(metrics.DEDUP_DISK_BYTES, load.disk_bytes)
        self._meters.set(metrics.DEDUP_TABLE_READS, load.table_reads)

    def report_state(
        self,
        *,
        held_bytes: int,
        paused: bool,
        stopped: Mapping[int, str],
        leaderless: Collection[int],
        connection: Connection,
        ends: Mapping[int, int],
        positions: Positions,
    ) -> None:
        """Report the current state. Partitions that are no longer assigned lose their gauges.

        Args:
            held_bytes: memory of the buffer and the commit in flight.
            paused: whether fetching is paused.
            stopped: why partitions are stopped, and what to do.
            leaderless: partitions that cannot be started, because no leader answers for them.
            connection: how the consumer's connections to the brokers do.
            ends: by partition, the high watermark.
            positions: by partition, the next offset to store; None before the first commit.
        """
        self._meters.set(metrics.HELD_BYTES, held_bytes)
        self._meters.set(metrics.PAUSED, paused)
        self._meters.set(metrics.STOPPED, len(stopped))
        self._connection(connection)
        self._progress(ends, positions)
        no_leader = dict.fromkeys(leaderless, "it has no leader that answers")
        self._light({**no_leader, **self._stalled(ends, positions), **stopped})

    def table_measured(self, size: TableSize) -> None:
        """Report the size of the table."""
        self._meters.set(metrics.TABLE_FILES, size.files)
        self._meters.set(metrics.TABLE_BYTES, size.bytes)
        self._meters.set(metrics.TABLE_LOG_ENTRIES, size.log_entries)

    def _connection(self, connection: Connection) -> None:
        """An outage of the broker lasts while it is silent, and while calls to it are retried."""
        self._meters.set(metrics.BROKER_SILENCE, connection.silent_seconds)
        errors, self._connection_errors = (
            connection.errors - self._connection_errors,
            connection.errors,
        )
        if connection.silent_seconds >= _SILENT_SECONDS:
            cause = f"no broker has answered for {connection.silent_seconds:.0f} s."
            if connection.last_error:
                cause += f" {connection.last_error}"
            self._outages.failed("broker", cause, errors)
        elif "broker" not in self._retried:
            self._outages.answered("broker")

    def _progress(self, ends: Mapping[int, int], positions: Positions) -> None:
        now_ms = self._clock.now().timestamp() * 1000
        # An expelled consumer has no partitions, but their gauges keep the last values.
        for partition in () if self._expelled else self._shown - positions.keys():
            for gauge in _PARTITION_GAUGES:
                self._meters.forget(gauge, partition)
            self._moved.pop(partition, None)
            self._shown.discard(partition)
        for partition, position in positions.items():
            end = ends.get(partition)
            if end is None or position is None:
                continue
            lag = max(end - position, 0)
            stored_ms = self._stored_ms.get(partition)
            behind = (now_ms - stored_ms) / 1000 if lag and stored_ms is not None else 0.0
            stalled = self._seconds_stalled(partition, position, end)
            values = (end, position, lag, max(behind, 0.0), stalled)
            for gauge, value in zip(_PARTITION_GAUGES, values, strict=True):
                self._meters.set(gauge, value, partition)
            self._shown.add(partition)

    def _seconds_stalled(self, partition: int, position: int, end: int) -> float:
        """Seconds for which the position has not moved although the log has more."""
        now = self._clock.monotonic()
        known = self._moved.get(partition)
        if known is None or known[0] != position or position >= end:
            self._moved[partition] = (position, now)
        return now - self._moved[partition][1]

    def _stalled(self, ends: Mapping[int, int], positions: Positions) -> Mapping[int, str]:
        now = self._clock.monotonic()
        return {
            partition: f"its position {position} has not moved for {now - since:.0f} s, and its "
            f"log ends at {ends[partition]}"
            for partition, (position, since) in self._moved.items()
            if now - since >= _STALLED_SECONDS and partition in ends and partition in positions
        }

    def _light(self, reasons: Mapping[int, str]) -> None:
        """Make the process unready for these reasons of partitions, and for no other."""
        for number in self._unready - reasons.keys():
            self._health.ready(f"partition {number}")
        for number, why in reasons.items():
            self._health.unready(f"partition {number}", why)
        self._unready = set(reasons)

    def _order_and_time(self, rows: pa.Table) -> None:
        faults = self._sequences.watch(rows)
        self._meters.count(metrics.SKIPPED_SEQUENCES, faults.skipped)
        self._meters.count(metrics.OUT_OF_ORDER, faults.out_of_order)
        if not rows.num_rows:
            return
        now_us = int(self._clock.now().timestamp() * 1_000_000)
        event_us: npt.NDArray[np.int64] = rows.column("event_time").cast(pa.int64()).to_numpy()
        computed_us = (event_us // _HOUR_US + 1) * _HOUR_US + _ROLLUP_US
        self._meters.count(metrics.LATE, int(np.count_nonzero(computed_us <= now_us)))
        seconds = np.maximum(now_us - event_us, 0) / 1_000_000
        bounds = metrics.EVENT_LATENCY.bounds
        counts = np.bincount(np.searchsorted(bounds, seconds), minlength=len(bounds) + 1)
        self._meters.observe_many(metrics.EVENT_LATENCY, counts.tolist(), float(seconds.sum()))


def _dead_letters(batch: MicroBatch, result: CommitResult) -> Counter[str]:
    return Counter(
        each.rejection.reason.value
        for each in batch.rejects
        if each.message.partition() not in result.fenced
    )
