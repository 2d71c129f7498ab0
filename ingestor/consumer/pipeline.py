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
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, wait

from ingestor.broker.port import Member, Polled
from ingestor.consumer.backpressure import Backpressure, Intake
from ingestor.consumer.committer import Committed, Committer, Place
from ingestor.consumer.cursors import Cursors
from ingestor.consumer.decode import Decoder
from ingestor.consumer.microbatch import Gathering
from ingestor.consumer.ownership import Ownership
from ingestor.dead_letters.limit import RejectLimitState
from service.clock import Clock

log = logging.getLogger(__name__)

POLL_MESSAGES = 5_000
POLL_SECONDS = 0.05
_IDLE_COMMIT_SECONDS = 60.0


class Pipeline:
    """One consumer. `turn` it for as long as it shall run, then `drain` and `close` it.

    Arguments:
        member: not subscribed yet.
        decoder: of the same topic.
        committer: runs on `ledger_thread` alone.
        ledger_thread: one worker; the pipeline shuts it down.
        limit: how bad a stream may be.
        gathering: the growing micro-batch.
        backpressure: what may be held in memory.
        clock: for the age of batches.
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
        self._in_flight_bytes = 0
        self._intake = Intake.OPEN
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
        self._refuse(polled.refused)
        arrived = self._cursors.admit(polled)
        decoded = self._decoder.decode(arrived.messages, self._clock.now())
        self._limit.count(len(arrived.messages), len(decoded.rejects))
        self._gathering.add(decoded, arrived.spans, self._clock.monotonic())
        if self._gathering.due(self._clock.monotonic()):
            self._append()
        else:
            self._append_idle()

    def drain(self, seconds: float, abandon: threading.Event) -> bool:
        """Store what has been gathered, taking nothing new; whether all of it was stored in this time.

        Arguments:
            seconds: the deadline.
            abandon: set when it has passed, which ends the committer's waiting.
        """
        deadline = self._clock.monotonic() + seconds
        while self._committing is not None or self._gathering:
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

    def withdrawn(self, partitions: Sequence[int]) -> None:
        """See `Listener.withdrawn`."""
        log.info("partitions withdrawn", extra={"partitions": list(partitions)})
        self._owned.withdrawn(partitions)
        self._forget(partitions)

    def _poll(self) -> Polled:
        held = self._gathering.bytes + self._in_flight_bytes
        intake = self._backpressure.intake(held, self._clock.monotonic())
        if (intake is Intake.PAUSED) != (self._intake is Intake.PAUSED):
            log.info("intake %s", intake.value, extra={"held_bytes": held})
            (self._member.pause if intake is Intake.PAUSED else self._member.resume)()
        self._intake = intake
        if intake is Intake.HELD and self._committing is not None:
            wait([self._committing], POLL_SECONDS)
            return Polled()
        return self._member.poll(POLL_MESSAGES, POLL_SECONDS)

    def _refuse(self, refused: Mapping[int, str]) -> None:
        for partition, words in refused.items():
            self._owned.stop(partition)
            self._cursors.remove(partition)
            self._member.stop([partition])
            log.error(
                "partition %d is stopped: the broker does not have its next offset (%s). Restore the topic, or read it "
                "all again under a new INGESTOR_GROUP: what is stored already is recognised.",
                partition,
                words,
            )

    def _locate(self) -> None:
        """Start the partitions whose place in the table is known by now, and ask for the others'."""
        if self._locating is not None and self._locating.done():
            places = self._owned.located(self._locating.result())
            self._locating = None
            for partition, place in places.items():
                self._start(partition, place)
        if self._locating is None and (unplaced := self._owned.unplaced()):
            self._locating = self._ledger_thread.submit(self._committer.locate, unplaced)

    def _start(self, partition: int, place: Place) -> None:
        position = place.low if place.position is None else place.position
        if position > place.high:
            self._refuse({partition: f"it ends at {place.high}, the position is {position}"})
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
        if self._committing is None and self._gathering:
            partitions = self._gathering.partitions
            batch = self._gathering.take(self._owned.positions(partitions), self._owned.first_offsets(partitions))
            self._in_flight_bytes = batch.bytes
            self._committing = self._ledger_thread.submit(self._committer.commit, batch)

    def _append_idle(self) -> None:
        """A minute without a commit: say so in the table, so that completeness does not wait for messages."""
        if self._committing is None and not self._gathering:
            idle = self._owned.idle(_IDLE_COMMIT_SECONDS)
            if idle is not None:
                self._committing = self._ledger_thread.submit(self._committer.commit, idle)

    def _settle(self) -> None:
        """Acknowledge the commit that has ended."""
        if self._committing is None or not self._committing.done():
            return
        committed = self._committing.result()
        self._committing = None
        self._in_flight_bytes = 0
        log.info(
            "committed",
            extra={
                "rows": committed.stored.rows,
                "duplicates": sum(committed.stored.duplicates.values()),
                "attempts": committed.stored.attempts,
                "positions": dict(committed.positions),
            },
        )
        self._owned.committed(committed.positions)
        self._member.record(committed.positions)
        moved = self._owned.moved(committed.moved)
        self._forget(moved)
        self._member.stop(moved)

    def _forget(self, partitions: Sequence[int]) -> None:
        self._gathering.drop(partitions)
        for partition in partitions:
            self._cursors.remove(partition)
