"""The append stage, on the one thread that owns the ledger: dead letters, then the table, then what may be told.

Order of acknowledgement: dead letters acknowledged by the broker → table commit → (by the pipeline) Kafka offsets.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from classwaves_ingestor.broker.interface import Member
from classwaves_ingestor.consumer.freshness import Freshness
from classwaves_ingestor.consumer.microbatch import MicroBatch
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.consumer.outcome import Committed, Place
from classwaves_ingestor.dead_letters.interface import DeadLetters
from classwaves_ingestor.dead_letters.letter import Origin, letter
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_runtime.clock import Clock
from classwaves_runtime.failpoints import FailPoint
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import TopicRecreated, WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, Ledger, Stored, TableSize

log = logging.getLogger(__name__)

_LETTERS_WRITTEN = FailPoint("letters-written")
_APPENDED = FailPoint("appended")

_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 10.0
_MEASURE_SECONDS = 60.0


class Committer:
    """Talks to the ledger, the dead-letter topic and the broker's end offsets, waiting as long as it takes.

    Args:
        member: for end offsets and the topic's id.
        ledger: owned by the thread that calls this.
        dead_letters: where rejects go.
        origin: the topic and its incarnation.
        freshness: what is known of the ends of partitions.
        clock: for Unix time.
        abandon: set when there is no more time to wait for a warehouse or a broker.
        observer: is told of waits, and now and then how large the table is.
        size: measures the table.
    """

    def __init__(
        self,
        *,
        member: Member,
        ledger: Ledger,
        dead_letters: DeadLetters,
        origin: Origin,
        freshness: Freshness,
        clock: Clock,
        abandon: threading.Event,
        observer: Observer,
        size: Callable[[], TableSize],
    ) -> None:
        self._member = member
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._origin = origin
        self._freshness = freshness
        self._clock = clock
        self._observer = observer
        self._size = size
        self._measured_at = -_MEASURE_SECONDS
        self._patiently = Retrying(
            retry=retry_if_exception_type((WarehouseUnavailable, BrokerUnavailable)),
            wait=wait_exponential_jitter(multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS),
            stop=stop_when_event_set(abandon),
            sleep=sleep_using_event(abandon),
            before_sleep=self._before_wait,
            reraise=True,
        )

    def locate(self, partitions: Collection[int]) -> Mapping[int, Place]:
        """Where to read these partitions.

        Raises:
            TopicRecreated: the positions are another incarnation's.
            WarehouseUnavailable, BrokerUnavailable: time to wait has run out.
        """
        return self._patiently(self._locate, partitions)

    def commit(self, batch: MicroBatch) -> Committed:
        """Store a micro-batch, or as much of it as is still ours. Nothing of it is lost if this raises.

        Raises:
            TopicRecreated: its messages may be another incarnation's.
            WarehouseUnavailable, BrokerUnavailable: time to wait has run out.
        """
        began = self._clock.monotonic()
        self._patiently(self._write_letters, batch)
        _LETTERS_WRITTEN.hit()
        moved: set[int] = set()
        rest = replace(batch, progress=self._patiently(self._stamped, batch.progress))
        while rest.progress:
            outcome = self._patiently(
                self._ledger.append, Batch(rest.rows), rest.expected, rest.progress
            )
            if isinstance(outcome, Stored):
                _APPENDED.hit()
                self._measure()
                positions = {
                    partition: progress.position for partition, progress in rest.progress.items()
                }
                return Committed(outcome, positions, moved, self._clock.monotonic() - began)
            moved |= self._fenced(outcome)
            rest = rest.without(moved)
        return Committed(Stored(rows=0), {}, moved, self._clock.monotonic() - began)

    def _locate(self, partitions: Collection[int]) -> Mapping[int, Place]:
        self._require_same_topic()
        checkpoints = self._ledger.checkpoints()
        places: dict[int, Place] = {}
        for partition in partitions:
            low, high = self._member.watermarks(partition)
            known = checkpoints.get(partition)
            places[partition] = Place(known.position if known else None, low, high)
        return places

    def _write_letters(self, batch: MicroBatch) -> None:
        if batch.rejects:
            self._dead_letters.write(
                [
                    letter(
                        each.message,
                        each.rejection.reason.value,
                        each.rejection.detail,
                        self._origin,
                    )
                    for each in batch.rejects
                ]
            )

    def _stamped(self, progress: Mapping[int, Progress]) -> Mapping[int, Progress]:
        """The same progress with the broker time up to which it stores each partition."""
        # Messages are fetched before this question, so an answer with our id means that they are our topic's.
        self._require_same_topic()
        for partition in progress:
            asked_ms = int(self._clock.now().timestamp() * 1000)
            if self._freshness.due(partition, asked_ms):
                self._freshness.ended(partition, asked_ms, self._member.watermarks(partition)[1])
        return {
            partition: replace(
                each, stored_until_ms=self._freshness.stored_until(partition, each.position)
            )
            for partition, each in progress.items()
        }

    def _require_same_topic(self) -> None:
        now = self._member.topic_id()
        if now != self._origin.topic_id:
            raise TopicRecreated(
                f"Topic {self._origin.topic} was deleted and created again while it was read: its id was "
                f"{self._origin.topic_id}, now it is {now}. Nothing of the new one is stored. Start the ingestor again."
            )

    def _measure(self) -> None:
        if self._clock.monotonic() - self._measured_at >= _MEASURE_SECONDS:
            self._measured_at = self._clock.monotonic()
            self._observer.measured(self._patiently(self._size))

    def _fenced(self, outcome: Fenced) -> set[int]:
        for partition, position in outcome.positions.items():
            log.warning(
                "another owner moved a partition",
                extra={"partition": partition, "position": position},
            )
        return set(outcome.positions)

    def _before_wait(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        log.warning(
            "waiting to try again", extra={"attempt": state.attempt_number, "cause": str(failure)}
        )
        if isinstance(failure, (WarehouseUnavailable, BrokerUnavailable)):
            self._observer.waiting(failure)
