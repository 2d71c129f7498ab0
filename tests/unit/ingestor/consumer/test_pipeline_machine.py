"""Consumers join, leave, crash and freeze over a stream with repeats, bad messages and holes."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from classwaves_ingestor.consumer.backpressure import BackpressurePolicy
from classwaves_ingestor.consumer.micro_batch import BatchPolicy
from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.kafka.memory import MemoryTopic
from classwaves_ingestor.reconciliation.balance import balance
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import PartitionRows
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support import events
from tests.unit.ingestor.consumer.parts import BATCH_SECONDS, Environment, StepConsumer

PARTITIONS = 3
SMALL = BatchPolicy(rows=3, bytes=4_000, seconds=BATCH_SECONDS)
TIGHT = BackpressurePolicy(bytes=6_000, patience_seconds=0.0)  # no wait in real time

BAD = list(events.BAD.values())


class Kind(Enum):
    """What a producer, or Kafka, appends to a partition."""

    NEW = auto()
    REPEAT = auto()
    CONTRADICTION = auto()
    BAD = auto()
    HOLE = auto()


partitions = st.integers(0, PARTITIONS - 1)
messages = st.lists(
    st.tuples(partitions, st.sampled_from(Kind), st.integers(0, 99)), min_size=3, max_size=9
)


@dataclass
class Sent:
    """The content of the topic, by partition and offset."""

    events: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    bad: set[tuple[int, int]] = field(default_factory=set)
    expired: set[tuple[int, int]] = field(default_factory=set)


class Consumers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Literal["before", "after"]] = []
        self.environment = Environment(
            MemoryTopic(PARTITIONS), warehouse=MemoryWarehouse(self.fail)
        )
        self.sent = Sent()
        self.number = 0
        self.alive: list[StepConsumer] = []
        self.crashed: list[StepConsumer] = []
        self.joined()

    def fail(self, moment: Literal["before", "after"]) -> None:
        if self.faults and self.faults[0] == moment:
            self.faults.pop(0)
            raise WarehouseUnavailable

    # The stream

    def send(self, messages: list[tuple[int, Kind, int]]) -> None:
        for partition, kind, dice in messages:
            match kind:
                case Kind.NEW:
                    self.number += 1
                    self.send_event(partition, self.number)
                case Kind.REPEAT if self.number:
                    self.send_event(partition, 1 + dice % self.number)
                case Kind.CONTRADICTION if self.number:
                    self.send_event(partition, 1 + dice % self.number, payload={})
                case Kind.BAD:
                    value = BAD[dice % len(BAD)]
                    self.sent.bad.add((partition, self.environment.topic.produce(partition, value)))
                case _:
                    self.environment.topic.skip(partition, 1 + dice % 3)

    def send_event(self, partition: int, number: int, **changes: object) -> None:
        event = events.event(session=number % 3, number=number)
        value = events.wire(session=number % 3, number=number, **changes)
        offset = self.environment.topic.produce(partition, value)
        self.sent.events[partition, offset] = (event["session_id"], event["id"])

    @rule(partition=partitions, share=st.floats(0, 1))
    def expire(self, partition: int, share: float) -> None:
        low, high = self.environment.topic.watermarks(partition)
        new = low + int((high - low) * share)
        position = self.environment.positions.get(partition, 0)
        self.sent.expired |= {(partition, offset) for offset in range(max(low, position), new)}
        self.environment.topic.expire(partition, new)

    # The consumers

    @rule()
    @precondition(lambda self: len(self.alive) < 4)
    def join(self) -> None:
        self.joined()

    def joined(self) -> StepConsumer:
        self.alive.append(StepConsumer(self.environment, batch=SMALL, budget=TIGHT))
        return self.alive[-1]

    @rule(
        messages=messages,
        which=st.integers(0, 3),
        ends=st.lists(st.booleans(), min_size=2, max_size=8),
    )
    @precondition(lambda self: self.alive)
    def run_one(self, messages: list[tuple[int, Kind, int]], which: int, ends: list[bool]) -> None:
        """One consumer runs; after each run its ledger thread completes a call, or not."""
        self.send(messages)
        consumer = self.alive[which % len(self.alive)]
        for ended in ends:
            if consumer in self.alive:
                self.run_consumer(consumer, ended=ended)

    @rule(messages=messages)
    def store_messages(self, messages: list[tuple[int, Kind, int]]) -> None:
        """All messages are stored, unless the warehouse fails."""
        self.send(messages)
        self.all_store(self.alive)

    @rule(before=messages, after=messages, which=st.integers(0, 3), wakes=st.booleans())
    @precondition(lambda self: self.alive)
    def freeze(
        self,
        before: list[tuple[int, Kind, int]],
        after: list[tuple[int, Kind, int]],
        which: int,
        *,
        wakes: bool,
    ) -> None:
        """A consumer with a commit in flight is frozen and expelled; its commit lands later."""
        consumer = self.with_a_commit_in_flight(which, before)
        if consumer not in self.alive:
            return
        self.expel_member(consumer)
        others = [each for each in self.alive if each is not consumer] or [self.joined()]
        self.send(after)
        self.all_store(others)
        consumer.ledger_thread.run_next()
        if not wakes:
            self.crash(self.alive.index(consumer))

    @rule(before=messages, after=messages, which=st.integers(0, 3), runs=st.integers(1, 5))
    @precondition(lambda self: self.alive)
    def hand_over(
        self,
        before: list[tuple[int, Kind, int]],
        after: list[tuple[int, Kind, int]],
        which: int,
        runs: int,
    ) -> None:
        """A new consumer requests positions while the old owner's commit is still in flight."""
        consumer = self.with_a_commit_in_flight(which, before)
        new = self.joined()
        for _ in range(runs):
            if consumer in self.alive:
                self.run_consumer(consumer, ended=False)
            self.run_consumer(new, ended=True)
        self.send(after)
        self.all_store(self.alive)

    def with_a_commit_in_flight(
        self, which: int, messages: list[tuple[int, Kind, int]]
    ) -> StepConsumer:
        consumer = self.alive[which % len(self.alive)]
        self.all_store([consumer])
        self.send(messages)
        if consumer in self.alive:
            self.run_consumer(consumer, ended=False)
        return consumer

    def all_store(self, consumers: list[StepConsumer]) -> None:
        for _ in range(3):
            for consumer in [each for each in consumers if each in self.alive]:
                self.run_consumer(consumer, ended=True)
        self.environment.clock.advance(BATCH_SECONDS)
        for consumer in [each for each in consumers if each in self.alive]:
            self.run_consumer(consumer, ended=True)

    def run_consumer(self, consumer: StepConsumer, *, ended: bool) -> None:
        try:
            consumer.run()
        except WarehouseUnavailable:
            self.crash(self.alive.index(consumer))
        if ended:
            consumer.ledger_thread.run_next()

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.crashed)
    def land_the_commit_of_a_crashed_consumer(self, which: int) -> None:
        self.crashed[which % len(self.crashed)].ledger_thread.run_next()

    @rule(seconds=st.sampled_from([1, BATCH_SECONDS, 61]))
    def let_time_pass(self, seconds: float) -> None:
        self.environment.clock.advance(seconds)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.alive)
    def expel(self, which: int) -> None:
        """The group expels a member, which notices at its next poll; its commit continues."""
        self.expel_member(self.alive[which % len(self.alive)])

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.alive)
    def crash(self, which: int) -> None:
        consumer = self.alive.pop(which % len(self.alive))
        self.expel_member(consumer)
        self.crashed.append(consumer)

    def expel_member(self, consumer: StepConsumer) -> None:
        if self.environment.topic.is_member(consumer.member):
            self.environment.topic.expel(consumer.member)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.alive)
    def leave(self, which: int) -> None:
        consumer = self.alive[which % len(self.alive)]
        consumer.ledger_thread.eager = True
        consumer.ledger_thread.run_all()
        try:
            assert consumer.pipeline.drain(20, consumer.abandon)
        except WarehouseUnavailable:
            self.crash(which)
        else:
            consumer.pipeline.close()
            self.alive.remove(consumer)

    # The warehouse

    @rule(faults=st.lists(st.sampled_from(["before", "after"]), min_size=1, max_size=2))
    def fail_the_next_commits(self, faults: list[Literal["before", "after"]]) -> None:
        self.faults = faults

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.alive)
    def abandon(self, which: int) -> None:
        self.alive[which % len(self.alive)].abandon.set()

    def teardown(self) -> None:
        """One more consumer without faults stores everything, and all counters balance."""
        for _ in list(self.alive):
            self.crash(0)
        self.faults = []
        last = self.joined()
        last.ledger_thread.eager = True
        last.run(3)
        ends = {
            partition: self.environment.topic.watermarks(partition)[1]
            for partition in range(PARTITIONS)
        }
        for _ in range(100):
            if {
                partition: self.environment.positions.get(partition, 0) for partition in ends
            } == ends:
                break
            self.environment.clock.advance(BATCH_SECONDS)
            last.run(2)
        else:
            raise AssertionError(f"stuck at {self.environment.positions} of {ends}")
        self.check()

    def check(self) -> None:
        rows = self.environment.warehouse.events.size().rows
        identities = set(self.sent.events.values())
        stored = self.environment.warehouse.events.known(list(identities))
        assert rows == len(stored), "a row without a sent event, or one twice"
        kept = {
            identity for sent, identity in self.sent.events.items() if sent not in self.sent.expired
        }
        assert kept <= stored, "an event is missing"
        dead_lettered = set(self.environment.dead_lettered)
        assert dead_lettered <= self.sent.bad
        assert self.sent.bad - self.sent.expired <= dead_lettered
        checkpoints = self.environment.checkpoints
        stored_rows = self.environment.warehouse.events.partition_rows(
            self.environment.stream, checkpoints
        )
        for partition, checkpoint in checkpoints.items():
            log = Watermarks(*self.environment.topic.watermarks(partition))
            result = balance(checkpoint, log, stored_rows.get(partition, PartitionRows()))
            assert result.balanced
            unread = {
                offset
                for p, offset in self.sent.expired
                if p == partition and offset >= checkpoint.first_offset
            }
            assert result.expired >= len(unread)


TestConsumers = Consumers.TestCase
TestConsumers.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
