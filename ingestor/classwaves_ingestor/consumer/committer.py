"""The commit stage, on the one thread that owns the ledger: dead letters first, then the table.

Order of acknowledgement: dead letters acknowledged by the broker → table commit → Kafka offsets (in
the pipeline).
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from classwaves_ingestor.consumer.assignments import PartitionStart
from classwaves_ingestor.consumer.broker_time import BrokerTime
from classwaves_ingestor.consumer.decode import Reject
from classwaves_ingestor.consumer.ingested_through import IngestedThrough
from classwaves_ingestor.consumer.micro_batch import CommitResult, MicroBatch
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.dead_letters.dead_letter import SourceTopic, dead_letter
from classwaves_ingestor.dead_letters.interface import DeadLetterWriter
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.interface import GroupConsumer
from classwaves_runtime.clock import Clock
from classwaves_runtime.failpoints import FailPoint
from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import TopicRecreated, WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, Ledger, Stored, TableSize

log = logging.getLogger(__name__)

T = TypeVar("T")

_DEAD_LETTERS_WRITTEN = FailPoint("letters-written")
_APPENDED = FailPoint("appended")

_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 10.0
_MEASURE_SECONDS = 60.0


class Committer:
    """Commits micro-batches and resolves where partitions start, with unlimited retries.

    Args:
        consumer: returns watermarks and the topic's id.
        ledger: owned by the calling thread.
        dead_letters: destination of rejects.
        dead_letter_bytes: limit of the rejects that become dead letters at the same time.
        source: the topic and its id.
        broker_time: the time of the brokers.
        ingested_through: the broker time of each partition's position.
        clock: gives monotonic seconds.
        abandon: ends all retries once it is set.
        observer: receives waits and table measurements.
        measure: measures the table.
    """

    def __init__(
        self,
        *,
        consumer: GroupConsumer,
        ledger: Ledger,
        dead_letters: DeadLetterWriter,
        dead_letter_bytes: int,
        source: SourceTopic,
        broker_time: BrokerTime,
        ingested_through: IngestedThrough,
        clock: Clock,
        abandon: threading.Event,
        observer: Observer,
        measure: Callable[[], TableSize],
    ) -> None:
        self._consumer = consumer
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._dead_letter_bytes = dead_letter_bytes
        self._source = source
        self._broker_time = broker_time
        self._ingested_through = ingested_through
        self._clock = clock
        self._observer = observer
        self._measure = measure
        self._measured_at = -_MEASURE_SECONDS
        self._policy = RetryPolicy(
            attempts=None,
            first=_FIRST_WAIT_SECONDS,
            longest=_LONGEST_WAIT_SECONDS,
            sleep=abandon.wait,
            abandoned=abandon.is_set,
        )

    def resolve_starts(self, partitions: Collection[int]) -> Mapping[int, PartitionStart]:
        """Where these partitions start, without those that no leader answers for.

        Raises:
            TopicRecreated: the positions belong to another topic id.
            WarehouseUnavailable, BrokerUnavailable: `abandon` ended the retries.
        """
        return self._retry(lambda: self._resolve_starts(partitions))

    def commit(self, batch: MicroBatch) -> CommitResult:
        """Store a micro-batch, without the partitions whose position another owner has moved.

        Nothing is lost if this raises: the batch was not acknowledged and is read again.

        Raises:
            TopicRecreated: the messages may belong to another topic id.
            WarehouseUnavailable, BrokerUnavailable: `abandon` ended the retries.
        """
        began = self._clock.monotonic()
        for rejects in self._in_chunks(batch.rejects):
            self._retry(partial(self._write_dead_letters, rejects))
        _DEAD_LETTERS_WRITTEN.hit()
        fenced: set[int] = set()
        progress = self._retry(lambda: self._with_broker_time(batch.progress))
        rest = replace(batch, progress=progress)
        while rest.progress:
            outcome = self._retry(partial(self._append, rest))
            if isinstance(outcome, Stored):
                _APPENDED.hit()
                if outcome.rows:
                    self._measure_table()
                positions = {key: progress.position for key, progress in rest.progress.items()}
                return CommitResult(outcome, positions, fenced, self._clock.monotonic() - began)
            fenced |= self._fenced_partitions(outcome)
            rest = rest.without(fenced)
        return CommitResult(Stored(rows=0), {}, fenced, self._clock.monotonic() - began)

    def _append(self, batch: MicroBatch) -> Stored | Fenced:
        return self._ledger.append(Batch(batch.rows), batch.expected, batch.progress)

    def _resolve_starts(self, partitions: Collection[int]) -> Mapping[int, PartitionStart]:
        self._require_same_topic()
        checkpoints = self._ledger.checkpoints()
        found: dict[int, PartitionStart] = {}
        for partition, log_range in self._consumer.watermarks(partitions).items():
            checkpoint = checkpoints.get(partition)
            found[partition] = PartitionStart(checkpoint, log_range.low, log_range.high)
            self._ingested_through.restore(
                partition, checkpoint.ingested_through_ms if checkpoint else None
            )
        return found

    def _in_chunks(self, rejects: Sequence[Reject]) -> Iterator[Sequence[Reject]]:
        """Parts of the rejects: a dead letter is copied, with headers, and again to be sent."""
        chunk: list[Reject] = []
        size = 0
        for reject in rejects:
            if chunk and size + reject.bytes > self._dead_letter_bytes:
                yield chunk
                chunk, size = [], 0
            chunk.append(reject)
            size += reject.bytes
        if chunk:
            yield chunk

    def _write_dead_letters(self, rejects: Sequence[Reject]) -> None:
        self._dead_letters.write(
            [
                dead_letter(
                    each.message,
                    each.rejection.reason.value,
                    each.rejection.detail,
                    self._source,
                )
                for each in rejects
            ]
        )

    def _with_broker_time(self, progress: Mapping[int, Progress]) -> Mapping[int, Progress]:
        """The same progress with the broker time through which each partition is ingested."""
        # The messages were fetched before this request. An unchanged topic id therefore proves
        # that they belong to our topic.
        self._require_same_topic()
        now_ms, at = self._read_time(), self._clock.monotonic()
        if now_ms is not None:
            due = [each for each in progress if self._ingested_through.due(each, at)]
            for partition, log_range in self._consumer.watermarks(due).items():
                # A log that ends below the position has lost messages; its end proves nothing.
                if log_range.high >= progress[partition].position:
                    self._ingested_through.record_end(partition, log_range.high, now_ms, at)
        return {
            partition: replace(
                each,
                ingested_through_ms=self._ingested_through.advance_to(
                    partition, each.position, now_ms
                ),
            )
            for partition, each in progress.items()
        }

    def _read_time(self) -> int | None:
        now_ms = self._broker_time.now_ms()
        self._observer.broker_time_read(self._broker_time.source, self._broker_time.problem)
        return now_ms

    def _require_same_topic(self) -> None:
        topic_id = self._consumer.topic_id()
        if topic_id != self._source.topic_id:
            raise TopicRecreated(
                f"Topic {self._source.topic} was deleted and created again during the run: its id "
                f"was {self._source.topic_id} and is {topic_id} now. Nothing of the new topic is "
                "stored. Start the ingestor again."
            )

    def _measure_table(self) -> None:
        if self._clock.monotonic() - self._measured_at >= _MEASURE_SECONDS:
            self._measured_at = self._clock.monotonic()
            try:
                size = self._measure()
            except Exception:  # the commit has landed, whatever the measurement raises
                log.warning("Cannot measure the table; its gauges keep their values", exc_info=True)
            else:
                self._observer.table_measured(size)

    def _fenced_partitions(self, outcome: Fenced) -> set[int]:
        for partition, position in outcome.positions.items():
            log.warning(
                "Fenced: another owner moved the position of this partition",
                extra={"partition": partition, "position": position},
            )
        return set(outcome.positions)

    def _retry(self, step: Callable[[], T]) -> T:
        return self._policy.run(
            lambda _: step(),
            retry_on=(WarehouseUnavailable, BrokerUnavailable),
            before_sleep=self._before_sleep,
        )

    def _before_sleep(self, attempt: int, error: BaseException) -> None:
        log.debug("Waiting to retry", extra={"attempt": attempt, "cause": str(error)})
        if isinstance(error, (WarehouseUnavailable, BrokerUnavailable)):
            self._observer.retrying(error)
