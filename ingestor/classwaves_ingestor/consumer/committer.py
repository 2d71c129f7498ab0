"""The commit stage, on the one thread that owns the ledger: dead letters first, then the table.

Order of acknowledgement: dead letters acknowledged by the broker → table commit → Kafka offsets (in
the pipeline).
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from classwaves_ingestor.consumer.assignments import StartOffset
from classwaves_ingestor.consumer.ingested_through import IngestedThrough
from classwaves_ingestor.consumer.micro_batch import CommitResult, MicroBatch
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.dead_letters.dead_letter import SourceTopic, dead_letter
from classwaves_ingestor.dead_letters.interface import DeadLetterWriter
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.interface import GroupConsumer
from classwaves_runtime.clock import Clock
from classwaves_runtime.failpoints import FailPoint
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import TopicRecreated, WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, Ledger, Stored, TableSize

log = logging.getLogger(__name__)

_DEAD_LETTERS_WRITTEN = FailPoint("letters-written")
_APPENDED = FailPoint("appended")

_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 10.0
_MEASURE_SECONDS = 60.0


class Committer:
    """Commits micro-batches and resolves start offsets, with unlimited retries.

    Args:
        consumer: for watermarks and the topic's id.
        ledger: owned by the calling thread.
        dead_letters: destination of rejects.
        source: the topic and its id.
        ingested_through: the broker time of each partition's position.
        clock: for Unix time.
        abandon: ends all waits once it is set.
        observer: receives waits and table measurements.
        measure: measures the table.
    """

    def __init__(
        self,
        *,
        consumer: GroupConsumer,
        ledger: Ledger,
        dead_letters: DeadLetterWriter,
        source: SourceTopic,
        ingested_through: IngestedThrough,
        clock: Clock,
        abandon: threading.Event,
        observer: Observer,
        measure: Callable[[], TableSize],
    ) -> None:
        self._consumer = consumer
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._source = source
        self._ingested_through = ingested_through
        self._clock = clock
        self._observer = observer
        self._measure = measure
        self._measured_at = -_MEASURE_SECONDS
        self._retrying = Retrying(
            retry=retry_if_exception_type((WarehouseUnavailable, BrokerUnavailable)),
            wait=wait_exponential_jitter(multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS),
            stop=stop_when_event_set(abandon),
            sleep=sleep_using_event(abandon),
            before_sleep=self._before_sleep,
            reraise=True,
        )

    def resolve_start_offsets(self, partitions: Collection[int]) -> Mapping[int, StartOffset]:
        """The start offsets of these partitions.

        Raises:
            TopicRecreated: the positions belong to another topic id.
            WarehouseUnavailable, BrokerUnavailable: `abandon` ended the wait.
        """
        return self._retrying(self._resolve_start_offsets, partitions)

    def commit(self, batch: MicroBatch) -> CommitResult:
        """Store a micro-batch, without the partitions that another owner has moved.

        Nothing is lost if this raises: the batch was not acknowledged and is read again.

        Raises:
            TopicRecreated: the messages may belong to another topic id.
            WarehouseUnavailable, BrokerUnavailable: `abandon` ended the wait.
        """
        began = self._clock.monotonic()
        self._retrying(self._write_dead_letters, batch)
        _DEAD_LETTERS_WRITTEN.hit()
        fenced: set[int] = set()
        rest = replace(batch, progress=self._retrying(self._with_broker_time, batch.progress))
        while rest.progress:
            outcome = self._retrying(
                self._ledger.append, Batch(rest.rows), rest.expected, rest.progress
            )
            if isinstance(outcome, Stored):
                _APPENDED.hit()
                self._measure_table()
                positions = {key: progress.position for key, progress in rest.progress.items()}
                return CommitResult(outcome, positions, fenced, self._clock.monotonic() - began)
            fenced |= self._fenced_partitions(outcome)
            rest = rest.without(fenced)
        return CommitResult(Stored(rows=0), {}, fenced, self._clock.monotonic() - began)

    def _resolve_start_offsets(self, partitions: Collection[int]) -> Mapping[int, StartOffset]:
        self._require_same_topic()
        checkpoints = self._ledger.checkpoints()
        offsets: dict[int, StartOffset] = {}
        for partition in partitions:
            low, high = self._consumer.watermarks(partition)
            checkpoint = checkpoints.get(partition)
            offsets[partition] = StartOffset(checkpoint.position if checkpoint else None, low, high)
        return offsets

    def _write_dead_letters(self, batch: MicroBatch) -> None:
        if batch.rejects:
            self._dead_letters.write(
                [
                    dead_letter(
                        each.message,
                        each.rejection.reason.value,
                        each.rejection.detail,
                        self._source,
                    )
                    for each in batch.rejects
                ]
            )

    def _with_broker_time(self, progress: Mapping[int, Progress]) -> Mapping[int, Progress]:
        """The same progress with the broker time through which each partition is ingested."""
        # The messages were fetched before this request. An unchanged topic id therefore proves
        # that they belong to our topic.
        self._require_same_topic()
        for partition in progress:
            asked_ms = int(self._clock.now().timestamp() * 1000)
            if self._ingested_through.due(partition, asked_ms):
                end = self._consumer.watermarks(partition)[1]
                self._ingested_through.record_end(partition, asked_ms, end)
        return {
            partition: replace(
                each, ingested_through_ms=self._ingested_through.at(partition, each.position)
            )
            for partition, each in progress.items()
        }

    def _require_same_topic(self) -> None:
        topic_id = self._consumer.topic_id()
        if topic_id != self._source.topic_id:
            raise TopicRecreated(
                f"Topic {self._source.topic} was deleted and created again while it was read: its "
                f"id was {self._source.topic_id} and is {topic_id} now. Nothing of the new topic "
                "is stored. Start the ingestor again."
            )

    def _measure_table(self) -> None:
        if self._clock.monotonic() - self._measured_at >= _MEASURE_SECONDS:
            self._measured_at = self._clock.monotonic()
            self._observer.table_measured(self._retrying(self._measure))

    def _fenced_partitions(self, outcome: Fenced) -> set[int]:
        for partition, position in outcome.positions.items():
            log.warning(
                "Fenced: another owner moved this partition",
                extra={"partition": partition, "position": position},
            )
        return set(outcome.positions)

    def _before_sleep(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        log.warning(
            "Waiting to retry", extra={"attempt": state.attempt_number, "cause": str(failure)}
        )
        if isinstance(failure, (WarehouseUnavailable, BrokerUnavailable)):
            self._observer.retrying(failure)
