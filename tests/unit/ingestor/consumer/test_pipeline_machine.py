"""Consumers that come, go, crash, freeze and wake, over a stream with repeats, bad messages, holes and retention."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from classwaves_ingestor.broker.memory import MemoryTopic
from classwaves_ingestor.consumer.backpressure import BackpressurePolicy
from classwaves_ingestor.consumer.microbatch import BatchPolicy
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.memory import MemoryWarehouse
from tests.support import events
from tests.unit.ingestor.consumer.parts import BATCH_SECONDS, Consumer, World

PARTITIONS = 3
SMALL = BatchPolicy(rows=3, bytes=4_000, seconds=BATCH_SECONDS)
TIGHT = BackpressurePolicy(bytes=6_000, patience_seconds=0.0)  # nobody waits in real time

BAD = list(events.BAD.values())


class Kind(Enum):
    """What a producer, or Kafka, puts into a partition."""

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
    """What is true of the topic, whoever reads it: by partition and offset."""

    events: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    bad: set[tuple[int, int]] = field(default_factory=set)
    gone: set[tuple[int, int]] = field(default_factory=set)


class Consumers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Literal["before", "after"]] = []
        self.world = World(MemoryTopic(PARTITIONS), warehouse=MemoryWarehouse(self.disturb))
        self.sent = Sent()
        self.number = 0
        self.alive: list[Consumer] = []
        self.crashed: list[Consumer] = []
        self.joined()

    def disturb(self, moment: Literal["before", "after"]) -> None:
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
                    self.sent.bad.add((partition, self.world.topic.produce(partition, value)))
                case _:
                    self.world.topic.skip(partition, 1 + dice % 3)

    def send_event(self, partition: int, number: int, **changes: object) -> None:
        event = events.event(session=number % 3, number=number)
        value = events.wire(session=number % 3, number=number, **changes)
        offset = self.world.topic.produce(partition, value)
        self.sent.events[partition, offset] = (event["session_id"], event["id"])

    @rule(partition=partitions, share=st.floats(0, 1))
    def let_retention_pass(self, partition: int, share: float) -> None:
        low, high = self.world.topic.watermarks(partition)
        new = low + int((high - low) * share)
        position = self.world.position.get(partition, 0)
        self.sent.gone |= {(partition, offset) for offset in range(max(low, position), new)}
        self.world.topic.expire(partition, new)

    # The consumers

    @rule()
    @precondition(lambda self: len(self.alive) < 4)
    def join(self) -> None:
        self.joined()

    def joined(self) -> Consumer:
        self.alive.append(Consumer(self.world, batch=SMALL, budget=TIGHT))
        return self.alive[-1]

    @rule(
        messages=messages,
        which=st.integers(0, 3),
        ends=st.lists(st.booleans(), min_size=2, max_size=8),
    )
    @precondition(lambda self: self.alive)
    def work(self, messages: list[tuple[int, Kind, int]], which: int, ends: list[bool]) -> None:
        """Messages come; one consumer turns, and after each turn its ledger's thread ends what it is at, or not yet."""
        self.send(messages)
        consumer = self.alive[which % len(self.alive)]
        for ended in ends:
            if consumer in self.alive:
                self.turn(consumer, ended=ended)

    @rule(messages=messages)
    def work_undisturbed(self, messages: list[tuple[int, Kind, int]]) -> None:
        """Messages come, and all of them are stored, unless the warehouse is at fault."""
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
        """One freezes with a commit in flight; the group gives it up, others take over; then the commit lands."""
        consumer = self.with_a_commit_in_flight(which, before)
        if consumer not in self.alive:
            return
        self.give_up(consumer)
        others = [each for each in self.alive if each is not consumer] or [self.joined()]
        self.send(after)
        self.all_store(others)
        consumer.thread.run_next()
        if not wakes:
            self.crash(self.alive.index(consumer))

    @rule(before=messages, after=messages, which=st.integers(0, 3), turns=st.integers(1, 5))
    @precondition(lambda self: self.alive)
    def hand_over(
        self,
        before: list[tuple[int, Kind, int]],
        after: list[tuple[int, Kind, int]],
        which: int,
        turns: int,
    ) -> None:
        """One gives partitions to a new one, which asks for their positions while the commit is still in flight."""
        consumer = self.with_a_commit_in_flight(which, before)
        new = self.joined()
        for _ in range(turns):
            if consumer in self.alive:
                self.turn(consumer, ended=False)
            self.turn(new, ended=True)
        self.send(after)
        self.all_store(self.alive)

    def with_a_commit_in_flight(
        self, which: int, messages: list[tuple[int, Kind, int]]
    ) -> Consumer:
        consumer = self.alive[which % len(self.alive)]
        self.all_store([consumer])
        self.send(messages)
        if consumer in self.alive:
            self.turn(consumer, ended=False)
        return consumer

    def all_store(self, consumers: list[Consumer]) -> None:
        for _ in range(3):
            for consumer in [each for each in consumers if each in self.alive]:
                self.turn(consumer, ended=True)
        self.world.clock.advance(BATCH_SECONDS)
        for consumer in [each for each in consumers if each in self.alive]:
            self.turn(consumer, ended=True)

    def turn(self, consumer: Consumer, *, ended: bool) -> None:
        try:
            consumer.turn()
        except WarehouseUnavailable:
            self.crash(self.alive.index(consumer))
        if ended:
            consumer.thread.run_next()

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.crashed)
    def land_what_was_on_its_way_when_its_sender_crashed(self, which: int) -> None:
        self.crashed[which % len(self.crashed)].thread.run_next()

    @rule(seconds=st.sampled_from([1, BATCH_SECONDS, 61]))
    def let_time_pass(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.alive)
    def expel(self, which: int) -> None:
        """The group gives it up; until its next poll it believes in its partitions, and its commit goes on."""
        self.give_up(self.alive[which % len(self.alive)])

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.alive)
    def crash(self, which: int) -> None:
        consumer = self.alive.pop(which % len(self.alive))
        self.give_up(consumer)
        self.crashed.append(consumer)

    def give_up(self, consumer: Consumer) -> None:
        if self.world.topic.is_member(consumer.member):
            self.world.topic.expel(consumer.member)

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.alive)
    def leave(self, which: int) -> None:
        consumer = self.alive[which % len(self.alive)]
        consumer.thread.eager = True
        consumer.thread.run_all()
        try:
            assert consumer.pipeline.drain(20, consumer.abandon)
        except WarehouseUnavailable:
            self.crash(which)
        else:
            consumer.pipeline.close()
            self.alive.remove(consumer)

    # The warehouse

    @rule(faults=st.lists(st.sampled_from(["before", "after"]), min_size=1, max_size=2))
    def disturb_the_next_commits(self, faults: list[Literal["before", "after"]]) -> None:
        self.faults = faults

    @rule(which=st.integers(0, 3))
    @precondition(lambda self: self.alive)
    def run_out_of_patience(self, which: int) -> None:
        self.alive[which % len(self.alive)].abandon.set()

    def teardown(self) -> None:
        """Whatever happened: one more consumer, left in peace, ends with every account settled."""
        for _ in list(self.alive):
            self.crash(0)
        self.faults = []
        last = self.joined()
        last.thread.eager = True
        last.turn(3)
        ends = {
            partition: self.world.topic.watermarks(partition)[1] for partition in range(PARTITIONS)
        }
        for _ in range(100):
            if {partition: self.world.position.get(partition, 0) for partition in ends} == ends:
                break
            self.world.clock.advance(BATCH_SECONDS)
            last.turn(2)
        else:
            raise AssertionError(f"stuck at {self.world.position} of {ends}")
        self.check()

    def check(self) -> None:
        rows = self.world.warehouse.events.size().rows
        identities = set(self.sent.events.values())
        stored = self.world.warehouse.events.known(list(identities))
        assert rows == len(stored), "a row that is no event that was sent, or one twice"
        kept = {
            identity for place, identity in self.sent.events.items() if place not in self.sent.gone
        }
        assert kept <= stored, "an event is lost"
        lettered = set(self.world.lettered)
        assert lettered <= self.sent.bad
        assert self.sent.bad - self.sent.gone <= lettered
        for partition, checkpoint in self.world.checkpoints.items():
            held = self.world.warehouse.events.partition_rows(self.world.stream).get(partition)
            accounted = (
                (held.rows if held else 0)
                + checkpoint.duplicates
                + sum(checkpoint.dead_lettered.values())
                + checkpoint.holes
            )
            assert accounted == checkpoint.position - checkpoint.first_offset


TestConsumers = Consumers.TestCase
TestConsumers.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
