"""The thread that brings events from the spools to Kafka, and lets a spool go of what Kafka has."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from classwaves_ingestor.producer.backlog import Backlog, Held
from classwaves_ingestor.producer.errors import QueueFull, SpoolUnavailable
from classwaves_ingestor.producer.metrics import PublisherMetrics, Waiting
from classwaves_ingestor.producer.spool import BrokenSpool, Event
from classwaves_ingestor.producer.transport import Connect, Failure
from classwaves_runtime.clock import Clock

log = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.1
_LONGEST_REST_SECONDS = 0.05
_SLICE_EVENTS = 64
"""Read and handed over without letting go of the interpreter, for which an emitting thread may be waiting."""


@dataclass(frozen=True)
class DeliveryPolicy:
    """How fast to send.

    Args:
        batch_events: how many go to Kafka at once; the next go when these are settled.
        linger_seconds: how long a batch waits for more events, once there is one.
        look_around_seconds: between two searches for orphans, and two looks at the gauges' values.
        adopted_per_second: how many events of orphans are sent.
        retry_seconds: the first wait after a failure; it doubles up to `retry_limit_seconds`.
        retry_limit_seconds: the longest wait.
    """

    batch_events: int = 500
    linger_seconds: float = 0.005
    look_around_seconds: float = 2.0
    adopted_per_second: float = 5_000
    retry_seconds: float = 0.5
    retry_limit_seconds: float = 30.0


class Delivery:
    """Sends spool by spool, oldest first, batch by batch, each settled before the next.

    So the events of a source come in their order, a process's own behind those that it adopted when it started, and at
    most one batch is in memory.

    Args:
        backlog: the spools.
        connect: makes the way to Kafka.
        metrics: to count in.
        clock: to pace by.
        policy: how fast.
        count_direct: counts what became of events that do not go this way; nobody else would if none is emitted.
    """

    def __init__(
        self,
        backlog: Backlog,
        connect: Connect,
        *,
        metrics: PublisherMetrics,
        clock: Clock,
        policy: DeliveryPolicy,
        count_direct: Callable[[], None],
    ) -> None:
        self._backlog = backlog
        self._connect = connect
        self._metrics = metrics
        self._clock = clock
        self._policy = policy
        self._count_direct = count_direct
        self._transport = connect()
        self._retry_seconds = policy.retry_seconds
        self._next_look = clock.monotonic()
        self._waiting = threading.Event()
        self._stopping = threading.Event()
        self._progressed = threading.Condition()
        self._flushing = 0
        self.working = threading.Lock()
        """Held except while this waits: who has it may fork, for then no lock inside SQLite is taken."""
        self._thread = threading.Thread(target=self._run, name="event-delivery", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        if not self._waiting.is_set():
            self._waiting.set()

    def flush(self, seconds: float) -> int:
        """Wait until the process's own spools are empty, but not longer than so. Returns how many events they hold."""
        with self._progressed:
            self._flushing += 1
            self._progressed.wait_for(lambda: not self._backlog.own_events(), seconds)
            self._flushing -= 1
        return self._backlog.own_events()

    def stop(self, seconds: float) -> bool:
        """Stop sending; whether that was possible within so many seconds."""
        self._stopping.set()
        self._waiting.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def disown(self) -> None:
        """In a forked child: what waits is the parent's."""
        self._metrics.disown(self)

    def _run(self) -> None:
        with self.working:
            while not self._stopping.is_set():
                try:
                    self._turn()
                except Exception:
                    log.exception("delivery failed; it is tried again")
                    self._rest(self._policy.retry_seconds)
            self._metrics.closed(self)
            self._transport.close()

    def _turn(self) -> None:
        """Send one batch, or wait for one."""
        self._look_around()
        self._waiting.clear()
        found = self._next()
        if found is not None:
            self._deliver(*found)
        elif self._woken():
            self._rest(self._policy.linger_seconds)

    def _look_around(self) -> None:
        now = self._clock.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + self._policy.look_around_seconds
        self._backlog.retire_vanished()
        self._count_direct()
        self._backlog.adopt()
        spools = [held.spool for held in self._backlog.spools()]
        try:
            oldest = min(
                (minted for each in spools if (minted := each.oldest()) is not None), default=None
            )
        except SpoolUnavailable:
            oldest = None  # its reading will tell why
        age = 0.0 if oldest is None else self._clock.now().timestamp() - oldest
        events, size = sum(each.events for each in spools), sum(each.bytes for each in spools)
        self._metrics.backlog(self, Waiting(events, size, age, self._backlog.left()))

    def _next(self) -> tuple[Held, Sequence[Event]] | None:
        spools = self._backlog.spools()
        while spools:
            held = spools[0]
            sealed = (
                held.spool.sealed
            )  # asked before reading: what is read as empty later stays empty
            try:
                events = held.spool.read(min(_SLICE_EVENTS, self._policy.batch_events))
            except BrokenSpool:
                self._backlog.set_aside(held)
                self._waiting.set()  # what is intact of it comes next
                return None
            if events:
                return held, events
            if not sealed:
                return None
            self._backlog.finish(held)
            spools = self._backlog.spools()
        return None

    def _deliver(self, held: Held, first: Sequence[Event]) -> None:
        """Send a batch slice by slice, of which this is the first, and wait until it is settled.

        If we are to stop meanwhile, it stays in the spool as a whole, and the next process sends it again.
        """
        refused: dict[int, Failure] = {}
        began = self._clock.monotonic()
        events: list[Event] = []
        try:
            for each in self._slices(held, first):
                for event in each:
                    if not self._send(event, refused):
                        return
                events += each
            if not (self._settled() and self._sent_alone(events, refused)):
                return
        except BaseException:
            held.spool.rewind(first[0].position)
            raise
        delivered = [event for event in events if event.position not in refused]
        held.spool.remove(delivered)
        self._checkpoint()
        if held.spool.spent():
            self._backlog.retire(held.spool)
        self._metrics.delivered(len(delivered))
        with self._progressed:
            self._progressed.notify_all()
        if refused:
            self._fail(held, refused)
        else:
            self._retry_seconds = self._policy.retry_seconds
        if held.adopted:
            self._rest(len(delivered) / self._policy.adopted_per_second)
        elif len(events) >= self._policy.batch_events and not self._flushing:
            # Events come in faster than one batch after another: those who emit go first, the spool can wait.
            self._rest(min(self._clock.monotonic() - began, _LONGEST_REST_SECONDS))

    def _settled(self) -> bool:
        """Wait until all that was sent is settled; False if we are to stop before."""
        while self._flush():
            if self._stopping.is_set():
                return False
            self._meanwhile()
        return True

    def _sent_alone(self, events: Sequence[Event], refused: dict[int, Failure]) -> bool:
        """Send once more, one by one, what was refused for itself; False if we are to stop before.

        Kafka takes or refuses what librdkafka puts into one batch as a whole, whichever event of it is at fault.
        """
        if len(events) == 1:
            return True
        for event in [
            each
            for each in events
            if each.position in refused and refused[each.position].of_this_event
        ]:
            del refused[event.position]
            if not (self._send(event, refused) and self._settled()):
                return False
        return True

    def _slices(self, held: Held, first: Sequence[Event]) -> Iterator[Sequence[Event]]:
        events, room = first, self._policy.batch_events
        while events:
            yield events
            room -= len(events)
            try:
                events = held.spool.read(min(_SLICE_EVENTS, room))
            except SpoolUnavailable:
                return  # the next batch meets it too, and deals with it

    def _meanwhile(self) -> None:
        """What is to be done however long the broker takes."""
        self._look_around()
        self._checkpoint()

    def _checkpoint(self) -> None:
        for held in self._backlog.spools():
            held.spool.checkpoint()

    def _send(self, event: Event, refused: dict[int, Failure]) -> bool:
        refusal = self._transport.refusal(partial(refused.__setitem__, event.position))
        while not self._stopping.is_set():
            try:
                self._transport.send(event.key, event.value, refusal)
            except QueueFull:
                self._flush()
                self._meanwhile()
            else:
                return True
        return False

    def _fail(self, held: Held, failures: Mapping[int, Failure]) -> None:
        """Leave in the spool what the broker refuses for itself; send all else again, after a while."""
        for failure, count in Counter(failures.values()).items():
            log.warning("events not delivered", extra={"reason": failure.reason, "events": count})
            self._metrics.failed(failure.reason, count)
        again = [position for position, failure in failures.items() if not failure.of_this_event]
        if not again:
            return
        held.spool.rewind(min(again))
        if any(failure.fatal for failure in failures.values()):
            self._transport.close()
            self._transport = self._connect()
        self._rest(self._retry_seconds)
        self._retry_seconds = min(2 * self._retry_seconds, self._policy.retry_limit_seconds)

    def _flush(self) -> int:
        with self._resting():
            return self._transport.flush(_FLUSH_SECONDS)

    def _woken(self) -> bool:
        with self._resting():
            return self._waiting.wait(self._policy.look_around_seconds)

    def _rest(self, seconds: float) -> None:
        with self._resting():
            self._stopping.wait(seconds)

    @contextmanager
    def _resting(self) -> Iterator[None]:
        self.working.release()
        try:
            yield
        finally:
            self.working.acquire()
