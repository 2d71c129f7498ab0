"""The way of an event through the consumer, stage by stage.

    poll     a member of the group takes what is prefetched                      ingestor.broker
    admit    stale messages are left out, holes in the offsets are counted       ingestor.consumer.cursors
    decode   bytes become columns; what the contract refuses becomes a reject    ingestor.consumer.decode
    limit    a stream that is mostly bad stops here, before any letter           ingestor.dead_letters.limit
    gather   until the micro-batch is many, large or old enough                  ingestor.consumer.microbatch
    append   dead letters, then rows, positions and counters in one commit       ingestor.consumer.committer
               the warehouse leaves out repeats and sorts                        warehouse.screening, warehouse.order
    record   the group's offsets, for lag tools                                  ingestor.broker

One thread turns the stages up to gather; another owns the ledger and appends. At most one commit is in flight, so the
next batch grows for as long as the warehouse takes: the warehouse sets the size of batches.
"""

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, Future, wait

from classwaves_ingestor.broker.interface import Member, Polled
from classwaves_ingestor.consumer.backpressure import Backpressure, Intake
from classwaves_ingestor.consumer.committer import Committer
from classwaves_ingestor.consumer.cursors import Cursors
from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.consumer.microbatch import Gathering, MicroBatch
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.consumer.outcome import Committed, Place
from classwaves_ingestor.consumer.ownership import Ownership
from classwaves_ingestor.dead_letters.limit import RejectLimitState
from classwaves_runtime.clock import Clock

log = logging.getLogger(__name__)

POLL_MESSAGES = 5_000
POLL_SECONDS = 0.05
_IDLE_COMMIT_SECONDS = 60.0
_REPORT_SECONDS = 1.0


class Pipeline:
    """One consumer. `turn` it for as long as it shall run, then `drain` and `close` it.

    Args:
        member: not subscribed yet.
        decoder: of the same topic.
        committer: runs on `ledger_thread` alone.
        ledger_thread: one worker; the pipeline shuts it down.
        limit: how bad a stream may be.
        gathering: the growing micro-batch.
        backpressure: what may be held in memory.
        clock: for the age of batches.
        observer: is told what happens.
    """

    def __init__(
        self,
        *,
        member: Member,
        decoder: Decoder,
        committer: Committer,
        ledger_thread: Executor,
        limit: RejectLimitState,
        gathering: Gathering,
        backpressure: Backpressure,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._member = member
        self._decoder = decoder
        self._committer = committer
        self._ledger_thread = ledger_thread
        self._limit = limit
        self._gathering = gathering
        self._backpressure = backpressure
        self._clock = clock
        self._cursors = Cursors()
        self._owned = Ownership(clock)
        self._locating: Future[Mapping[int, Place]] | None = None
        self._committing: Future[Committed] | None = None
        self._in_flight: MicroBatch | None = None
        self._intake = Intake.OPEN
        self._observer = observer
        self._reported_at = clock.monotonic()
        member.subscribe(self)

    def turn(self) -> None:
        """Take what there is, pass it on, and settle what the ledger's thread has finished.

        Raises:
            MostMessagesBad: nothing of the last poll was passed on.
            TopicRecreated: nothing of the batch in hand was stored.
        """
        self._settle()
        self._locate()
        polled = self._poll()
        self._doubt(polled.refused)
        arrived = self._cursors.admit(polled)
        decoded = self._decoder.decode(arrived.messages, self._clock.now())
        self._limit.count(len(arrived.messages), len(decoded.rejects))
        self._gathering.add(decoded, arrived.spans, self._clock.monotonic())
        self._observer.polled(arrived, decoded)
        if self._gathering.due(self._clock.monotonic()) or self._owned.idle(_IDLE_COMMIT_SECONDS):
            self._append()
        self._report()

    def drain(self, seconds: float, abandon: threading.Event) -> bool:
        """Store what has been gathered, taking nothing new; whether all of it was stored in this time.

        Args:
            seconds: the deadline.
            abandon: set when it has passed, which ends the committer's waiting.
        """
        deadline = self._clock.monotonic() + seconds
        while self._committing is not None or self._gathering:
            if self._gathering:
                self._append()
            left = deadline - self._clock.monotonic()
            if self._committing is not None and not wait([self._committing], max(left, 0.0)).done:
                abandon.set()
                return False
            self._settle()
        return True

    def close(self) -> None:
        """Leave the group. A commit that is still in flight ends either way, and is fenced if it must be."""
        self._ledger_thread.shutdown(wait=True, cancel_futures=True)
        self._member.close()

    def granted(self, partitions: Sequence[int]) -> None:
        """See `Listener.granted`."""
        log.info("partitions granted", extra={"partitions": list(partitions)})
        self._owned.granted(partitions)
        if not partitions:
            self._observer.answered()  # one consumer more than partitions: it stands by, and is ready

    def withdrawn(self, partitions: Sequence[int]) -> None:
        """See `Listener.withdrawn`."""
        log.info("partitions withdrawn", extra={"partitions": list(partitions)})
        self._owned.withdrawn(partitions)
        self._forget(partitions)

    def _poll(self) -> Polled:
        held = self._held_bytes()
        intake = self._backpressure.intake(held, self._clock.monotonic())
        if (intake is Intake.PAUSED) != (self._intake is Intake.PAUSED):
            log.info("intake %s", intake.value, extra={"held_bytes": held})
            (self._member.pause if intake is Intake.PAUSED else self._member.resume)()
        self._intake = intake
        if intake is Intake.HELD and self._committing is not None:
            wait([self._committing], POLL_SECONDS)
            return Polled()
        return self._member.poll(POLL_MESSAGES, POLL_SECONDS)

    def _doubt(self, refused: Mapping[int, str]) -> None:
        """The broker does not have the next offset of these: its ends, the table and the topic's id will say why."""
        for partition, words in refused.items():
            log.warning(
                "the broker does not have the next offset of partition %d (%s)", partition, words
            )
        self._place_anew(refused)

    def _locate(self) -> None:
        """Start the partitions whose place in the table is known by now, and ask for the others'."""
        if self._locating is not None and self._locating.done():
            places = self._owned.located(self._locating.result())
            self._locating = None
            self._observer.answered()
            for partition, place in places.items():
                self._start(partition, place)
        if self._locating is None and (unplaced := self._owned.unplaced()):
            self._locating = self._ledger_thread.submit(self._committer.locate, unplaced)

    def _start(self, partition: int, place: Place) -> None:
        position = place.low if place.position is None else place.position
        if position > place.high:
            self._owned.stop(partition)
            log.error(
                "partition %d is stopped: the broker does not have its next offset (%d; it ends at %d). Restore the "
                "topic, or read it all again under a new INGESTOR_GROUP: what is stored already is recognised.",
                partition,
                position,
                place.high,
            )
            return
        if position < place.low:
            log.error(
                "offsets [%d, %d) of partition %d are gone from the broker before they were read; counted as holes",
                position,
                place.low,
                partition,
            )
        self._cursors.place(partition, position)
        self._member.start({partition: max(position, place.low)})

    def _append(self) -> None:
        """Hand the batch on if the ledger is free, and say of idle partitions that they still stand where they did.

        Completeness does not wait for messages: a minute without a commit is told to the table too.
        """
        if self._committing is not None:
            return
        gathered, idle = self._gathering.partitions, self._owned.idle(_IDLE_COMMIT_SECONDS)
        age = self._gathering.age(self._clock.monotonic())
        batch = self._gathering.take(
            self._owned.positions({*gathered, *idle}), self._owned.first_offsets(gathered), idle
        )
        self._observer.handed(batch, age)
        self._in_flight = batch
        self._committing = self._ledger_thread.submit(self._committer.commit, batch)

    def _settle(self) -> None:
        """Acknowledge the commit that has ended."""
        if self._committing is None or self._in_flight is None or not self._committing.done():
            return
        committed = self._committing.result()
        self._observer.committed(self._in_flight, committed)
        self._committing = self._in_flight = None
        self._owned.committed(committed.positions)
        self._member.record(committed.positions)
        self._place_anew(committed.moved)

    def _report(self) -> None:
        """Tell the observer how things stand, once a second."""
        if self._clock.monotonic() - self._reported_at < _REPORT_SECONDS:
            return
        self._reported_at = self._clock.monotonic()
        self._observer.stands(
            held_bytes=self._held_bytes(),
            paused=self._intake is Intake.PAUSED,
            stopped=self._owned.stopped(),
            ends=self._member.ends(),
            positions=self._owned.all_positions(),
        )

    def _held_bytes(self) -> int:
        return self._gathering.bytes + (self._in_flight.bytes if self._in_flight else 0)

    def _place_anew(self, partitions: Collection[int]) -> None:
        """Read no more of these for now, and ask where they are to be read from."""
        ours = self._owned.moved(partitions)
        self._forget(ours)
        self._member.stop(ours)

    def _forget(self, partitions: Sequence[int]) -> None:
        self._gathering.drop(partitions)
        for partition in partitions:
            self._cursors.remove(partition)
