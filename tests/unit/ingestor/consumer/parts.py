"""A consumer in the process, with every part at hand."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from classwaves_ingestor import catalogue
from classwaves_ingestor.broker.memory import MemoryTopic
from classwaves_ingestor.consumer.backpressure import Backpressure, BackpressurePolicy
from classwaves_ingestor.consumer.committer import Committer
from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.consumer.freshness import Freshness
from classwaves_ingestor.consumer.microbatch import BatchPolicy, Gathering
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.consumer.pipeline import Pipeline
from classwaves_ingestor.dead_letters.letter import Origin
from classwaves_ingestor.dead_letters.limit import RejectLimit, RejectLimitState
from classwaves_ingestor.dead_letters.memory import MemoryDeadLetters
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.memory import MemoryWarehouse
from classwaves_warehouse.stream import Stream
from tests.support.events import NOW
from tests.unit.ingestor.consumer.deferred import Deferred, Impatient

BATCH_SECONDS = 5.0
PATIENT_BATCH = BatchPolicy(rows=1000, bytes=10**9, seconds=BATCH_SECONDS)
NO_BUDGET = BackpressurePolicy(bytes=10**9)
NO_LIMIT = RejectLimit(ratio=1, messages=1000)


@dataclass
class World:
    """What consumers share: a topic, a table, a dead-letter topic, and time."""

    topic: MemoryTopic
    warehouse: MemoryWarehouse = field(default_factory=MemoryWarehouse)
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    @property
    def stream(self) -> Stream:
        return Stream("group", "session-events", self.topic.topic_id)

    @property
    def checkpoints(self) -> dict[int, Checkpoint]:
        return dict(self.warehouse.ledger(self.stream).checkpoints())

    @property
    def position(self) -> dict[int, int]:
        return {partition: each.position for partition, each in self.checkpoints.items()}

    @property
    def stored(self) -> list[tuple[int, int]]:
        """Partition and offset of every row."""
        rows = [
            (partition, offset)
            for partition, held in self.warehouse.events.partition_rows(self.stream).items()
            for offset in self.warehouse.events.offsets(self.stream, partition, 0, held.highest + 1)
        ]
        return sorted(rows)

    @property
    def lettered(self) -> list[tuple[int, int]]:
        """Partition and offset of every dead letter."""
        names = [dict(letter.headers) for letter in self.letters.letters]
        return [
            (int(each["dead-letter-partition"]), int(each["dead-letter-offset"])) for each in names
        ]


class Consumer:
    """One consumer of a world; its ledger's thread works when `thread` is told to."""

    def __init__(
        self,
        world: World,
        *,
        eager: bool = False,
        batch: BatchPolicy = PATIENT_BATCH,
        budget: BackpressurePolicy = NO_BUDGET,
        limit: RejectLimit = NO_LIMIT,
    ) -> None:
        self.world = world
        self.thread = Deferred(eager=eager)
        self.abandon = Impatient()
        self.member = world.topic.member()
        self.gathering = Gathering(batch)
        self.health = Health(world.clock)
        self.registry = CollectorRegistry()
        self.observer = Observer(
            Meters(catalogue.CONSUMER, self.registry), self.health, world.clock
        )
        self.pipeline = Pipeline(
            member=self.member,
            decoder=Decoder(world.topic.topic_id, None),
            committer=Committer(
                member=self.member,
                ledger=world.warehouse.ledger(world.stream),
                dead_letters=world.letters,
                origin=Origin(world.stream.topic, world.topic.topic_id),
                freshness=Freshness(0),
                clock=world.clock,
                abandon=self.abandon,
                observer=self.observer,
                size=world.warehouse.events.size,
            ),
            ledger_thread=self.thread,
            limit=RejectLimitState(limit),
            gathering=self.gathering,
            backpressure=Backpressure(budget),
            clock=world.clock,
            observer=self.observer,
        )

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.pipeline.turn()

    def settle(self) -> None:
        """Turn until what the topic has now is stored."""
        self.turn(3)
        self.world.clock.advance(BATCH_SECONDS)
        self.turn(2)
