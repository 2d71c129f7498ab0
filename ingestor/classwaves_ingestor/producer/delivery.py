"""The thread that sends spooled events to Kafka and removes acknowledged ones."""

import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from classwaves_ingestor.producer.errors import QueueFull, SpoolUnavailable
from classwaves_ingestor.producer.locks import Wakeup
from classwaves_ingestor.producer.metrics import PublisherMetrics, Waiting
from classwaves_ingestor.producer.spool import Event, Spool
from classwaves_ingestor.producer.spool_file import BrokenSpool, OtherDestination
from classwaves_ingestor.producer.spool_set import OpenSpool, SpoolSet
from classwaves_ingestor.producer.transport import Connect, Failure
from classwaves_runtime.clock import Clock

log = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 0.05
_COUNT_SECONDS = 0.25
_CONNECT_SECONDS = 0.1
_SLICE_EVENTS = 64
"""Events that are read and sent without releasing the interpreter lock to an emitting thread."""


@dataclass(frozen=True)
class DeliveryPolicy:
    """Pace of the delivery.

    Args:
        batch_events: events in flight; the next batch follows when these are acknowledged.
        linger_seconds: wait for more events after the first one of a batch.
        look_around_seconds: interval of the search for orphans and of the gauges.
        adopted_per_second: limit for events of adopted spools.
        retry_seconds: first wait after a failure; it doubles up to `retry_limit_seconds`.
        retry_limit_seconds: longest wait.
        adopted_at_once: limit of adopted spools; each needs several open files.
        create_retry_seconds: wait after a spool could not be created.
        adopt_retry_seconds: wait after a spool could not be adopted.
    """

    batch_events: int = 500
    linger_seconds: float = 0.005
    look_around_seconds: float = 2.0
    adopted_per_second: float = 5_000
    retry_seconds: float = 0.5
    retry_limit_seconds: float = 30.0
    adopted_at_once: int = 64
    create_retry_seconds: float = 1.0
    adopt_retry_seconds: float = 30.0


class Delivery:
    """Sends one spool after the other, oldest first, and one batch after the other.

    Each batch is acknowledged before the next. So the events of a source keep their order, a
    process's own events follow the adopted ones, and at most one batch is in memory.

    Args:
        spools: spools to send.
        connect: connects to Kafka.
        metrics: of the publisher.
        clock: paces the delivery.
        policy: pace of the delivery.
        count_direct: counts events that bypass the spool, also while no event is emitted.
    """

    def __init__(
        self,
        spools: SpoolSet,
        connect: Connect,
        *,
        metrics: PublisherMetrics,
        clock: Clock,
        policy: DeliveryPolicy,
        count_direct: Callable[[], None],
    ) -> None:
        self._spools = spools
        self._connect = connect
        self._metrics = metrics
        self._clock = clock
        self._policy = policy
        self._count_direct = count_direct
        self._transport = connect()
        self._retry_seconds = policy.retry_seconds
        self._logged_reason = ""
        self._maintain_at = clock.monotonic()
        self._stopping = False
        self._new_events = Wakeup()
        self._pausing = Wakeup()
        self._flushing: list[Wakeup] = []
        self.fork_lock = threading.Lock()
        """Held except during waits: its holder may fork, since no lock inside SQLite is taken."""
        self._thread = threading.Thread(target=self._run, name="event-delivery", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Announce events to send."""
        self._new_events.wake()

    def flush(self, seconds: float) -> int:
        """Wait until the own spools are empty, at most this long; return the waiting events."""
        deadline = self._clock.monotonic() + seconds
        progressed = Wakeup()
        self._flushing.append(progressed)
        try:
            while (left := self._spools.own_events()) and self._runs_elsewhere():
                if not progressed.wait(deadline - self._clock.monotonic()):
                    break
        finally:
            self._flushing.remove(progressed)
        return left

    def stop(self, seconds: float) -> bool:
        """Stop the thread; return whether it ended within this time."""
        self._stopping = True
        self._new_events.wake()
        self._pausing.wake()
        if self._runs_elsewhere():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def after_fork_in_child(self) -> None:
        """Leave the waiting events to the parent process."""
        self._metrics.after_fork_in_child(self)

    def _run(self) -> None:
        with self.fork_lock:
            while not self._stopping:
                try:
                    self._run_once()
                except Exception:
                    log.exception("The delivery failed; it is retried")
                    self._pause(self._policy.retry_seconds)
            self._metrics.count()
            self._metrics.closed(self)
            self._transport.close()

    def _runs_elsewhere(self) -> bool:
        """Whether waiting for the thread makes sense: a finalizer may run in it, or end it."""
        return threading.current_thread() is not self._thread and not sys.is_finalizing()

    def _run_once(self) -> None:
        """Send one batch, or wait for events."""
        self._maintain_spools()
        found = self._next_events()
        if found is not None:
            self._deliver(*found)
        elif self._wait_for_events():
            self._pause(self._policy.linger_seconds)

    def _maintain_spools(self) -> None:
        """Count; at the policy's interval adopt orphans, retire deleted spools, set the gauges."""
        self._metrics.count()
        now = self._clock.monotonic()
        if now < self._maintain_at:
            return
        self._maintain_at = now + self._policy.look_around_seconds
        self._spools.retire_vanished()
        self._count_direct()
        self._spools.adopt()
        spools = [opened.spool for opened in self._spools.spools()]
        try:
            oldest = min(
                (minted_at for each in spools if (minted_at := each.oldest()) is not None),
                default=None,
            )
        except SpoolUnavailable:
            oldest = None  # the next read reports the reason
        age = 0.0 if oldest is None else self._clock.now().timestamp() - oldest
        events, size = sum(each.events for each in spools), sum(each.bytes for each in spools)
        left = self._spools.skipped() + self._spools.held_back()
        self._metrics.spools_waiting(self, Waiting(events, size, age, left))

    def _next_events(self) -> tuple[OpenSpool, Sequence[Event]] | None:
        self._spools.cluster_id = self._transport.cluster_id()
        while True:
            for opened in self._spools.spools():
                try:
                    opened.spool.require_cluster(self._spools.cluster_id)
                except OtherDestination as error:
                    self._hold_back(opened, error)
                    continue
                # This spool belongs to a cluster and the connected one is not known yet: sending
                # could reach the wrong cluster, and skipping would break the order.
                if opened.spool.cluster_id is not None and self._spools.cluster_id is None:
                    self._transport.poll()
                    self._pause(_CONNECT_SECONDS)
                    self._new_events.wake()  # look again at once
                    return None
                sealed = opened.spool.sealed  # before the read: sealed and empty stays empty
                try:
                    events = opened.spool.read(min(_SLICE_EVENTS, self._policy.batch_events))
                except BrokenSpool:
                    self._spools.set_aside(opened)
                    self._new_events.wake()  # its intact events come next
                    return None
                if events:
                    return opened, events
                if sealed:
                    self._spools.finish(opened)
                    break  # an orphan may come next
            else:
                return None

    def _hold_back(self, opened: OpenSpool, error: OtherDestination) -> None:
        """Send nothing of a spool to another cluster; an own spool still accepts events."""
        if opened.adopted:
            self._spools.give_back(opened, error)
        elif str(error) != self._logged_reason:
            self._logged_reason = str(error)
            log.error("Events are held back", extra={"reason": self._logged_reason})

    def _remember_cluster(self, spool: Spool) -> None:
        """Remember where a spool's events belong, at the first acknowledgement."""
        cluster_id = self._transport.cluster_id()
        if spool.cluster_id is None and cluster_id is not None:
            spool.remember_cluster(cluster_id)

    def _deliver(self, opened: OpenSpool, first: Sequence[Event]) -> None:
        """Send a batch slice by slice, starting with `first`, and wait for the acknowledgements.

        On a stop the whole batch stays in the spool, and the next process sends it again.
        """
        failures: dict[int, Failure] = {}
        began = self._clock.monotonic()
        events: list[Event] = []
        try:
            for each in self._slices(opened, first):
                for event in each:
                    if not self._send(event, failures):
                        return
                events += each
            if not (
                self._wait_for_acknowledgements() and self._resend_one_by_one(events, failures)
            ):
                return
        except BaseException:
            opened.spool.rewind(first[0].position)
            raise
        delivered = [event for event in events if event.position not in failures]
        if delivered:
            self._remember_cluster(opened.spool)
        opened.spool.remove(delivered)
        self._checkpoint()
        if opened.spool.spent():
            self._spools.retire(opened.spool)
        self._metrics.delivered(len(delivered))
        for flush in self._flushing.copy():
            flush.wake()
        if failures:
            self._fail(opened, failures)
        else:
            self._retry_seconds = self._policy.retry_seconds
        if opened.adopted:
            self._pause(len(delivered) / self._policy.adopted_per_second)
        elif len(events) >= self._policy.batch_events and not self._flushing:
            # Events arrive faster than batches leave: emitting threads take precedence.
            self._pause(min(self._clock.monotonic() - began, _LONGEST_PAUSE_SECONDS))

    def _wait_for_acknowledgements(self) -> bool:
        """Wait until all sent events are acknowledged or failed; False on a stop."""
        while self._flush():
            if self._stopping:
                return False
            self._maintain()
        return True

    def _resend_one_by_one(self, events: Sequence[Event], failures: dict[int, Failure]) -> bool:
        """Send again, one at a time, the events that Kafka blamed; False on a stop.

        Kafka accepts or refuses a librdkafka batch as a whole, even if only one event is at fault.
        """
        if len(events) == 1:
            return True
        for event in [
            each
            for each in events
            if each.position in failures and failures[each.position].of_this_event
        ]:
            del failures[event.position]
            if not (self._send(event, failures) and self._wait_for_acknowledgements()):
                return False
        return True

    def _slices(self, opened: OpenSpool, first: Sequence[Event]) -> Iterator[Sequence[Event]]:
        events, room = first, self._policy.batch_events
        while events:
            yield events
            room -= len(events)
            try:
                events = opened.spool.read(min(_SLICE_EVENTS, room))
            except SpoolUnavailable:
                return  # the next batch handles it

    def _maintain(self) -> None:
        """Maintenance during long waits for the broker."""
        self._maintain_spools()
        self._checkpoint()

    def _checkpoint(self) -> None:
        for opened in self._spools.spools():
            opened.spool.checkpoint()

    def _send(self, event: Event, failures: dict[int, Failure]) -> bool:
        on_failure = self._transport.failure_callback(partial(failures.__setitem__, event.position))
        while not self._stopping:
            try:
                self._transport.send(event.key, event.value, on_failure)
            except QueueFull:
                self._flush()
                self._maintain()
            else:
                return True
        return False

    def _fail(self, opened: OpenSpool, failures: Mapping[int, Failure]) -> None:
        """Leave the events that Kafka blamed in the spool; retry the others after a pause.

        They are read again after a rewind or by the next process, and keep the spool from being
        deleted.
        """
        for failure, count in Counter(failures.values()).items():
            log.warning(
                "Events were not delivered", extra={"reason": failure.reason, "events": count}
            )
            self._metrics.failed(failure.reason, count)
        again = [position for position, failure in failures.items() if not failure.of_this_event]
        if not again:
            return
        opened.spool.rewind(min(again))
        if any(failure.fatal for failure in failures.values()):
            self._transport.close()
            self._transport = self._connect()
        self._pause(self._retry_seconds)
        self._retry_seconds = min(2 * self._retry_seconds, self._policy.retry_limit_seconds)

    def _flush(self) -> int:
        with self._unlocked():
            return self._transport.flush(_FLUSH_SECONDS)

    def _wait_for_events(self) -> bool:
        with self._unlocked():
            return self._new_events.wait(self._policy.look_around_seconds)

    def _pause(self, seconds: float) -> None:
        while seconds > 0 and not self._stopping:
            with self._unlocked():
                self._pausing.wait(min(seconds, _COUNT_SECONDS))
            self._metrics.count()
            seconds -= _COUNT_SECONDS

    @contextmanager
    def _unlocked(self) -> Iterator[None]:
        self.fork_lock.release()
        try:
            yield
        finally:
            self.fork_lock.acquire()
