"""The pipeline of an event through the consumer, stage by stage.

    poll     take prefetched messages as a group member               kafka.consumer
    admit    drop stale messages, count holes in the offsets          consumer.admit
    decode   bytes to columns; refused messages become rejects        consumer.decode
    limit    stop partitions whose messages are mostly bad            dead_letters.limit
    batch    buffer until the batch is due: rows, bytes or age        consumer.micro_batch
    commit   dead letters, then rows, positions and counters          consumer.committer
               the warehouse deduplicates and sorts the rows          classwaves_warehouse
    offsets  commit the group's offsets, for lag tools only           kafka.consumer

`Pipeline.run_once` calls the stages from poll to batch on the main thread. A second thread owns the
ledger and commits. At most one commit is in flight, and the next batch grows meanwhile, so a slow
warehouse gets larger batches.
"""

import logging
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, Future, wait

from classwaves_ingestor.consumer.admit import OffsetTracker
from classwaves_ingestor.consumer.assignments import PartitionAssignments, PartitionStart
from classwaves_ingestor.consumer.backpressure import Backpressure, Intake
from classwaves_ingestor.consumer.broker_time import BrokerTime
from classwaves_ingestor.consumer.committer import Committer
from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.consumer.micro_batch import BatchBuilder, CommitResult, MicroBatch
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.dead_letters.limit import RejectLimitState
from classwaves_ingestor.kafka.interface import FetchPosition, GroupConsumer, PollResult
from classwaves_ingestor.upkeep.supervisor import UpkeepOwner
from classwaves_runtime.clock import Clock
from classwaves_warehouse.checkpoint import Checkpoint, Progress, StopReason

log = logging.getLogger(__name__)

POLL_MESSAGES = 2_000
POLL_SECONDS = 0.05
_REPORT_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 30.0
_NO_LEADER_SECONDS = 5.0
_UPKEEP_PARTITION = 0  # every topic has it, and one member of a group owns it


class Pipeline:
    """One consumer. Call `run_once` in a loop, then `drain` and `close`.

    Args:
        consumer: group member that is not subscribed yet.
        decoder: of the same topic.
        committer: runs on `ledger_thread` only.
        ledger_thread: an executor with one worker; the pipeline shuts it down.
        limit: counts refused messages against their permitted share.
        batch_builder: buffers decoded messages.
        backpressure: limits the memory in use.
        idle_commit_seconds: seconds after which a partition without messages is committed.
        broker_time: takes the times at which brokers appended the messages.
        clock: measures ages.
        observer: receives metrics and state.
        upkeep: runs while this consumer owns partition 0.
    """

    def __init__(
        self,
        *,
        consumer: GroupConsumer,
        decoder: Decoder,
        committer: Committer,
        ledger_thread: Executor,
        limit: RejectLimitState,
        batch_builder: BatchBuilder,
        backpressure: Backpressure,
        idle_commit_seconds: float,
        broker_time: BrokerTime,
        clock: Clock,
        observer: Observer,
        upkeep: UpkeepOwner,
    ) -> None:
        self._consumer = consumer
        self._decoder = decoder
        self._committer = committer
        self._ledger_thread = ledger_thread
        self._limit = limit
        self._batch_builder = batch_builder
        self._backpressure = backpressure
        self._idle_commit_seconds = idle_commit_seconds
        self._broker_time = broker_time
        self._clock = clock
        self._observer = observer
        self._upkeep = upkeep
        self._offsets = OffsetTracker()
        self._assignments = PartitionAssignments(clock)
        self._resolving: Future[Mapping[int, PartitionStart]] | None = None
        self._requested: frozenset[int] = frozenset()
        self._committing: Future[CommitResult] | None = None
        self._in_flight: MicroBatch | None = None
        self._intake = Intake.OPEN
        self._reported_at = clock.monotonic()
        consumer.subscribe(self)

    @property
    def held_bytes(self) -> int:
        """Memory of the buffered batch and of the commit in flight."""
        return self._batch_builder.bytes + (self._in_flight.bytes if self._in_flight else 0)

    def run_once(self) -> None:
        """Finish a completed commit, poll once, and pass the messages through the stages.

        Raises:
            FatalConsumerError: the group removed this consumer for good.
            TopicRecreated: nothing of the batch in flight was stored.
        """
        self._finish_commit()
        self._start_partitions()
        polled = self._poll()
        self._stop_corrupt(polled.corrupt_batches)
        self._handle_offset_errors(
            {
                partition: error
                for partition, error in polled.offset_errors.items()
                if partition not in polled.corrupt_batches
            }
        )
        admitted = self._offsets.admit(polled)
        self._assignments.on_read({*admitted.ranges, *polled.eof_offsets})
        self._broker_time.observe(admitted.append_times_ms.values())
        decoded = self._decoder.decode(admitted.messages, self._clock.now())
        bad = self._limit.count(
            Counter(each.partition() for each in admitted.messages),
            ((each.message.partition(), each.message.offset()) for each in decoded.rejects),
        )
        if bad:
            self._hold_back(bad, admitted.ranges)
        else:
            self._batch_builder.add(decoded, admitted.ranges, self._clock.monotonic())
            self._observer.polled(admitted, decoded)
        due = self._batch_builder.due(self._clock.monotonic())
        if due or self._unmoved():
            self._begin_commit()
        self._assignments.look_again(LOOK_AGAIN_SECONDS)
        self._report_state()

    def drain(self, seconds: float, abandon: threading.Event) -> bool:
        """Commit the buffer without polling; return whether all of it was stored in time.

        Args:
            seconds: the deadline.
            abandon: set after the deadline; it ends the committer's waits.
        """
        deadline = self._clock.monotonic() + seconds
        while self._committing is not None or self._batch_builder:
            if self._batch_builder:
                self._begin_commit()
            left = deadline - self._clock.monotonic()
            if self._committing is not None and not wait([self._committing], max(left, 0.0)).done:
                abandon.set()
                return False
            self._finish_commit()
        return True

    def close(self) -> None:
        """Wait for the commit in flight, then leave the group."""
        self._ledger_thread.shutdown(wait=True, cancel_futures=True)
        self._consumer.close()
        self._upkeep.stop()

    def on_assigned(self, partitions: Sequence[int]) -> None:
        """See `RebalanceListener.on_assigned`."""
        log.info("Partitions assigned", extra={"partitions": list(partitions)})
        self._assignments.on_assigned(partitions)
        self._observer.joined_group()
        if _UPKEEP_PARTITION in partitions:
            self._upkeep.start()
        if not partitions:
            # A group with more consumers than partitions has standby members, which are ready.
            self._observer.mark_ready()

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """See `RebalanceListener.on_revoked`."""
        log.info("Partitions revoked", extra={"partitions": list(partitions)})
        self._assignments.on_revoked(partitions)
        self._discard(partitions)
        if _UPKEEP_PARTITION in partitions:
            self._upkeep.stop()

    def on_lost(self, partitions: Sequence[int]) -> None:
        """See `RebalanceListener.on_lost`."""
        log.warning("The group expelled this consumer", extra={"partitions": list(partitions)})
        self._observer.left_group()
        self.on_revoked(partitions)

    def _poll(self) -> PollResult:
        held = self.held_bytes
        intake = self._backpressure.intake(held, self._clock.monotonic())
        if (intake is Intake.PAUSED) != (self._intake is Intake.PAUSED):
            log.info("Intake is %s", intake.value, extra={"held_bytes": held})
            (self._consumer.pause if intake is Intake.PAUSED else self._consumer.resume)()
        self._intake = intake
        if intake is Intake.HELD and self._committing is not None:
            wait([self._committing], POLL_SECONDS)
            return PollResult()
        return self._consumer.poll(POLL_MESSAGES, POLL_SECONDS)

    def _handle_offset_errors(self, errors: Mapping[int, str]) -> None:
        """Resolve again the starts of partitions whose next offset the broker does not have.

        Watermarks, table and topic id then show the cause.
        """
        for partition, error in errors.items():
            log.warning(
                "The broker does not have the next offset of partition %d: %s", partition, error
            )
        self._stop_fetching(self._assignments.on_offset_error(errors))

    def _stop_corrupt(self, errors: Mapping[int, str]) -> None:
        """Stop partitions at a corrupt batch; what was read before it is committed."""
        for partition, error in errors.items():
            log.warning("Cannot read a batch of partition %d: %s", partition, error)
            self._record_stop(partition, StopReason.CORRUPT_BATCH)
        self._consumer.stop(list(errors))

    def _hold_back(self, bad: Collection[int], polled: Collection[int]) -> None:
        """Stop partitions that are mostly bad, and read the others of the same poll again.

        The rows of a poll are one table, so none of the poll is buffered.
        """
        self._restart([partition for partition in polled if partition not in bad])
        for partition in bad:
            self._record_stop(partition, StopReason.MOST_MESSAGES_BAD)
        self._stop_fetching(list(bad))

    def _start_partitions(self) -> None:
        """Start the partitions whose start is resolved, and request those of the others."""
        if self._resolving is not None and self._resolving.done():
            found = self._resolving.result()
            self._resolving = None
            starts = self._assignments.on_resolved(found)
            self._assignments.on_unanswered(self._requested - found.keys(), _NO_LEADER_SECONDS)
            self._observer.mark_ready()
            for partition, start in starts.items():
                self._start(partition, start)
        if self._resolving is None and (unresolved := self._assignments.take_unresolved()):
            self._requested = frozenset(unresolved)
            self._resolving = self._ledger_thread.submit(self._committer.resolve_starts, unresolved)

    def _start(self, partition: int, found: PartitionStart) -> None:
        reason = self._assignments.why_stop(partition, found)
        if reason is not None:
            self._record_stop(partition, reason)
            return
        checkpoint = found.checkpoint or Checkpoint(found.low, found.low)
        self._limit.start(partition, checkpoint.recent, checkpoint.released_until)
        start = FetchPosition(found.next_offset, checkpoint.leader_epoch)
        if found.expired:
            log.error(
                "Retention deleted offsets [%d, %d) of partition %d before they were read. They "
                "count as expired, and `ingestor verify` fails until `ingestor partitions "
                "acknowledge` records that you know of them.",
                found.expired.start,
                found.expired.stop,
                partition,
            )
            self._batch_builder.add_expired(partition, found.expired, self._clock.monotonic())
            self._observer.expired(partition, len(found.expired))
            start = FetchPosition(found.low)
        self._offsets.start(partition, start.offset)
        self._consumer.start({partition: start})

    def _record_stop(self, partition: int, reason: StopReason) -> None:
        if self._assignments.stop(partition, reason):
            log.error("Stopped partition %d: %s", partition, self._assignments.stopped()[partition])

    def _begin_commit(self) -> None:
        """Submit the batch and the unmoved positions, if no commit is in flight.

        A partition without messages is committed now and then, so that its broker time advances.
        """
        if self._committing is not None:
            return
        buffered = self._batch_builder.partitions
        unmoved = self._unmoved()
        age = self._batch_builder.age(self._clock.monotonic())
        batch = self._batch_builder.build(
            self._assignments.positions({*buffered, *unmoved}),
            self._assignments.low_watermarks(buffered),
            unmoved,
            {partition: self._limit.recent(partition) for partition in buffered},
        )
        self._observer.submitted(batch, age)
        self._in_flight = batch
        self._committing = self._ledger_thread.submit(self._committer.commit, batch)

    def _unmoved(self) -> Mapping[int, Progress]:
        """Unmoved progress of idle partitions, and of those whose stop is not stored yet."""
        return {
            **self._assignments.idle(self._idle_commit_seconds),
            **self._assignments.unrecorded_stops(),
        }

    def _finish_commit(self) -> None:
        """Apply the result of a completed commit, and commit the group's offsets."""
        if self._committing is None or self._in_flight is None or not self._committing.done():
            return
        result, batch = self._committing.result(), self._in_flight
        self._observer.committed(batch, result)
        self._committing = self._in_flight = None
        self._assignments.on_committed(
            {partition: batch.progress[partition] for partition in result.positions}
        )
        self._consumer.commit_offsets(result.positions)
        self._restart(result.fenced)

    def _report_state(self) -> None:
        """Report the state to the observer, once a second."""
        if self._clock.monotonic() - self._reported_at < _REPORT_SECONDS:
            return
        self._reported_at = self._clock.monotonic()
        self._observer.report_state(
            held_bytes=self.held_bytes,
            paused=self._intake is Intake.PAUSED,
            stopped=self._assignments.stopped(),
            leaderless=self._assignments.leaderless(),
            connection=self._consumer.connection(),
            ends=self._consumer.end_offsets(),
            positions=self._assignments.fetching_positions(),
        )

    def _restart(self, partitions: Collection[int]) -> None:
        """Stop fetching these partitions, and resolve again where they start."""
        self._stop_fetching(self._assignments.restart(partitions))

    def _stop_fetching(self, partitions: Sequence[int]) -> None:
        self._discard(partitions)
        self._consumer.stop(partitions)

    def _discard(self, partitions: Sequence[int]) -> None:
        self._batch_builder.drop(partitions)
        for partition in partitions:
            self._offsets.remove(partition)
