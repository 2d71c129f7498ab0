"""What the pipeline tells about itself: metrics, health and one log line a commit."""

import logging
from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classwaves_ingestor import catalogue
from classwaves_ingestor.consumer.cursors import Arrived
from classwaves_ingestor.consumer.decode import Decoded
from classwaves_ingestor.consumer.microbatch import MicroBatch
from classwaves_ingestor.consumer.outcome import Committed
from classwaves_ingestor.consumer.sequences import SequenceWatch
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_runtime.clock import Clock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.errors import WarehouseUnavailable, WarehouseWarming
from classwaves_warehouse.interface import Positions, TableSize

log = logging.getLogger(__name__)

_PARTITION_GAUGES = (
    catalogue.END_OFFSET,
    catalogue.STORED_POSITION,
    catalogue.LAG,
    catalogue.LAG_SECONDS,
)
_HOUR_US = 3_600_000_000
_ROLLUP_US = 300_000_000  # the rollup computes an hour at minute 5 of the next one


class Observer:
    """Sees what happens and changes nothing.

    Args:
        meters: of the consumer's catalogue.
        health: of this process.
        clock: for ages and latencies.
    """

    def __init__(self, meters: Meters, health: Health, clock: Clock) -> None:
        self._meters = meters
        self._health = health
        self._clock = clock
        self._sequences = SequenceWatch()
        self._polled_ms: dict[int, int] = {}
        self._handed_ms: dict[int, int] = {}
        self._stored_ms: dict[int, int] = {}
        self._shown: set[int] = set()

    def may_hold(self, budget_bytes: int) -> None:
        """So much memory may be held before intake stops."""
        self._meters.set(catalogue.BUDGET_BYTES, budget_bytes)

    def polled(self, arrived: Arrived, decoded: Decoded) -> None:
        """The loop has come round; messages were taken and decoded."""
        self._health.turned()
        self._meters.count(catalogue.RECEIVED, len(arrived.messages))
        for partition, span in arrived.spans.items():
            self._meters.count(catalogue.HOLES, span.holes, partition)
        for path, fields in decoded.dropped.items():
            self._meters.count(catalogue.DROPPED_FIELDS, fields, path)
        self._polled_ms.update(arrived.stamped_ms)

    def handed(self, batch: MicroBatch, age_seconds: float) -> None:
        """A micro-batch went to the ledger's thread; everything polled so far is in it or before it."""
        self._meters.observe(catalogue.BATCH_ROWS, batch.rows.num_rows)
        self._meters.observe(catalogue.BATCH_BYTES, batch.bytes)
        self._meters.observe(catalogue.BATCH_AGE, age_seconds)
        self._handed_ms = dict(self._polled_ms)

    def waiting(self, cause: BrokerUnavailable | WarehouseUnavailable) -> None:
        """The warehouse or the broker did not answer, and will be asked again."""
        what = "broker" if isinstance(cause, BrokerUnavailable) else "warehouse"
        self._meters.count(catalogue.RETRIES, 1, what)
        self._health.unready(what, str(cause))
        self._meters.set(catalogue.WARMING, isinstance(cause, WarehouseWarming))

    def answered(self) -> None:
        """Warehouse and broker answer."""
        for cause in ("start", "broker", "warehouse"):
            self._health.ready(cause)
        self._meters.set(catalogue.WARMING, 0)

    def committed(self, batch: MicroBatch, committed: Committed) -> None:
        """A micro-batch is in the table, or what of it was ours."""
        count, stored = self._meters.count, committed.stored
        count(catalogue.STORED, stored.rows)
        count(catalogue.COMMIT_CONFLICTS, stored.attempts - 1)
        count(catalogue.FENCED, len(committed.moved))
        for partition, duplicates in stored.duplicates.items():
            count(catalogue.DUPLICATES, duplicates, partition)
        for partition, conflicting in stored.conflicting.items():
            count(catalogue.CONFLICTING, conflicting, partition)
        for reason, letters in _letters(batch, committed).items():
            count(catalogue.DEAD_LETTERED, letters, reason)
        self._meters.observe(catalogue.COMMIT_DURATION, committed.seconds)
        self._order_and_time(batch.rows)
        self._stored_ms |= self._handed_ms
        self.answered()
        log.info(
            "committed",
            extra={
                "rows": stored.rows,
                "duplicates": sum(stored.duplicates.values()),
                "dead_letters": len(batch.rejects),
                "positions": dict(committed.positions),
                "seconds": round(committed.seconds, 3),
            },
        )

    def stands(
        self,
        *,
        held_bytes: int,
        paused: bool,
        stopped: int,
        ends: Mapping[int, int],
        positions: Positions,
    ) -> None:
        """How things stand now; of partitions that are not ours any more nothing is said.

        Args:
            held_bytes: in the growing batch and the commit in flight.
            paused: whether nothing is fetched.
            stopped: partitions that cannot be read on.
            ends: the next offset that the broker will give.
            positions: the next offset to store; None before the first commit.
        """
        self._meters.set(catalogue.HELD_BYTES, held_bytes)
        self._meters.set(catalogue.PAUSED, paused)
        self._meters.set(catalogue.STOPPED, stopped)
        self._progress(ends, positions)

    def measured(self, size: TableSize) -> None:
        """The table is this large now."""
        self._meters.set(catalogue.TABLE_FILES, size.files)
        self._meters.set(catalogue.TABLE_BYTES, size.bytes)
        self._meters.set(catalogue.TABLE_LOG_ENTRIES, size.log_entries)

    def _progress(self, ends: Mapping[int, int], positions: Positions) -> None:
        now_ms = self._clock.now().timestamp() * 1000
        for partition in self._shown - positions.keys():
            for gauge in _PARTITION_GAUGES:
                self._meters.forget(gauge, partition)
        self._shown = set()
        for partition, position in positions.items():
            end = ends.get(partition)
            if end is None or position is None:
                continue
            lag = max(end - position, 0)
            stamped = self._stored_ms.get(partition)
            behind = (now_ms - stamped) / 1000 if lag and stamped is not None else 0.0
            for gauge, value in zip(
                _PARTITION_GAUGES, (end, position, lag, max(behind, 0.0)), strict=True
            ):
                self._meters.set(gauge, value, partition)
            self._shown.add(partition)

    def _order_and_time(self, rows: pa.Table) -> None:
        disorder = self._sequences.watch(rows)
        self._meters.count(catalogue.SKIPPED_SEQUENCES, disorder.skipped)
        self._meters.count(catalogue.OUT_OF_ORDER, disorder.out_of_order)
        if not rows.num_rows:
            return
        now_us = int(self._clock.now().timestamp() * 1_000_000)
        event_us: npt.NDArray[np.int64] = rows.column("event_time").cast(pa.int64()).to_numpy()
        rolled_up_us = (event_us // _HOUR_US + 1) * _HOUR_US + _ROLLUP_US
        self._meters.count(catalogue.LATE, int(np.count_nonzero(rolled_up_us <= now_us)))
        seconds = np.maximum(now_us - event_us, 0) / 1_000_000
        bounds = catalogue.EVENT_LATENCY.bounds
        counts = np.bincount(np.searchsorted(bounds, seconds), minlength=len(bounds) + 1)
        self._meters.observe_many(catalogue.EVENT_LATENCY, counts.tolist(), float(seconds.sum()))


def _letters(batch: MicroBatch, committed: Committed) -> Counter[str]:
    return Counter(
        each.rejection.reason.value
        for each in batch.rejects
        if each.message.partition() not in committed.moved
    )
