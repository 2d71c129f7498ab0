"""A consumer in memory that runs step by step, with every part accessible."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from classwaves_ingestor import metrics
from classwaves_ingestor.consumer.backpressure import BackpressurePolicy
from classwaves_ingestor.consumer.build import build_pipeline
from classwaves_ingestor.consumer.micro_batch import BatchPolicy
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.consumer.sequences import SequenceWatch
from classwaves_ingestor.dead_letters.limit import RejectLimit
from classwaves_ingestor.dead_letters.memory import MemoryDeadLetterWriter
from classwaves_ingestor.kafka.memory import MemoryTopic
from classwaves_ingestor.kafka.memory_clock import MemoryBrokerClock
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support.events import NOW
from tests.unit.ingestor.consumer.deferred import Deferred, Impatient

BATCH_SECONDS = 5.0
CLOCK_SKEW = 2.0
LARGE_BATCH = BatchPolicy(rows=1000, bytes=10**9, seconds=BATCH_SECONDS)
NO_BUDGET = BackpressurePolicy(bytes=10**9)
NO_LIMIT = RejectLimit(ratio=1, messages=1000)


@dataclass
class Environment:
    """What consumers share: a topic, a table, a dead-letter topic and a clock."""

    topic: MemoryTopic
    warehouse: MemoryWarehouse = field(default_factory=MemoryWarehouse)
    dead_letters: MemoryDeadLetterWriter = field(default_factory=MemoryDeadLetterWriter)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    broker_clock: MemoryBrokerClock = field(init=False)

    def __post_init__(self) -> None:
        self.broker_clock = MemoryBrokerClock(self.clock)

    @property
    def stream(self) -> Stream:
        return Stream("group", "session-events", self.topic.topic_id)

    @property
    def checkpoints(self) -> dict[int, Checkpoint]:
        return dict(self.warehouse.ledger(self.stream).checkpoints())

    @property
    def positions(self) -> dict[int, int]:
        return {partition: each.position for partition, each in self.checkpoints.items()}

    @property
    def stored(self) -> list[tuple[int, int]]:
        """Partition and offset of every row."""
        events = self.warehouse.events
        return sorted(
            (partition, offset)
            for partition in range(self.topic.partitions)
            for offset in events.offsets(self.stream, partition, 0, 2**62)
        )

    @property
    def dead_lettered(self) -> list[tuple[int, int]]:
        """Partition and offset of every dead letter."""
        headers = [dict(each.headers) for each in self.dead_letters.dead_letters]
        return [
            (int(each["dead-letter-partition"]), int(each["dead-letter-offset"]))
            for each in headers
        ]


class RecordedUpkeep:
    """Whether upkeep has begun and not ended."""

    running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False


class StepConsumer:
    """One consumer of an environment. Its ledger thread runs on demand, or at once if `eager`."""

    def __init__(
        self,
        environment: Environment,
        *,
        eager: bool = False,
        batch: BatchPolicy = LARGE_BATCH,
        budget: BackpressurePolicy = NO_BUDGET,
        limit: RejectLimit = NO_LIMIT,
        idle_commit_seconds: float = 60.0,
        dead_letter_bytes: int = 10**9,
    ) -> None:
        clock = environment.clock
        self.environment = environment
        self.ledger_thread = Deferred(eager=eager)
        self.abandon = Impatient()
        self.member = environment.topic.consumer()
        self.upkeep = RecordedUpkeep()
        self.health = Health(clock)
        self.registry = CollectorRegistry()
        self.observer = Observer(
            Meters(metrics.CONSUMER, self.registry), self.health, clock, SequenceWatch()
        )
        self.pipeline = build_pipeline(
            consumer=self.member,
            warehouse=environment.warehouse,
            stream=environment.stream,
            dead_letters=environment.dead_letters,
            broker_clock=environment.broker_clock,
            clock_skew=CLOCK_SKEW,
            clock=clock,
            observer=self.observer,
            upkeep=self.upkeep,
            batch=batch,
            budget=budget,
            limit=limit,
            idle_commit_seconds=idle_commit_seconds,
            dead_letter_bytes=dead_letter_bytes,
            abandon=self.abandon,
            ledger_thread=self.ledger_thread,
            end_interval=0,
        )

    def run(self, times: int = 1) -> None:
        for _ in range(times):
            self.pipeline.run_once()

    def store_all(self) -> None:
        """Run until everything that is in the topic now is stored."""
        self.run(3)
        self.environment.clock.advance(BATCH_SECONDS)
        self.run(2)
