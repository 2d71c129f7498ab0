"""Settings of the write path. Each command reads the smallest class with its settings."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    ByteSize,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from classwaves_runtime.settings import MIB, KafkaOptions, Settings, TopicName
from classwaves_warehouse.settings import DedupSettings, WarehouseSettings

LEAST_BATCHES = 7
"""The memory budget holds at least this many full batches; `MemoryBudget` divides it."""

DEAD_LETTER_WINDOW = 5000
"""The number of latest messages to which DEAD_LETTER_LIMIT applies."""


def _dead_letter_topic_of(given: dict[str, Any]) -> str:
    return f"{given['session_events_topic']}.dead-letters"


def _batch_of(given: dict[str, Any]) -> ByteSize:
    """The default batch. A SQL statement is at most 8 MiB of JSON: a batch and one poll."""
    return ByteSize((2 if given["warehouse"] == "databricks:" else 8) * MIB)


def _batch_seconds_of(given: dict[str, Any]) -> float:
    """The default age of a batch: a MERGE takes seconds, a commit of the embedded tables 20 ms."""
    return 5.0 if given["warehouse"] == "databricks:" else 0.5


def _idle_commit_of(given: dict[str, Any]) -> float:
    """The default pause between commits without messages: a SQL warehouse costs while it runs."""
    return 3600.0 if given["warehouse"] == "databricks:" else 60.0


def _upkeep_of(given: dict[str, Any]) -> float:
    """The default pause between passes of upkeep: only a Delta table has nobody else to tend it."""
    return 30.0 if given["warehouse"].startswith("delta:") else 0.0


class TopicSettings(Settings):
    """The topics."""

    kafka: KafkaOptions
    session_events_topic: TopicName = Field(
        default="classwaves.session-events.v1", description="a topic's name"
    )
    dead_letter_topic: TopicName = Field(
        default_factory=_dead_letter_topic_of,
        description="a topic's name, by default <SESSION_EVENTS_TOPIC>.dead-letters",
    )

    @property
    def clock_topic(self) -> str:
        """The topic whose messages carry the time of a broker."""
        return f"{self.session_events_topic}.clock"

    @model_validator(mode="after")
    def _topics_differ(self) -> Self:
        if self.dead_letter_topic == self.session_events_topic:
            raise ValueError(
                "DEAD_LETTER_TOPIC is SESSION_EVENTS_TOPIC: dead letters would be read again "
                "without end"
            )
        return self


class StreamSettings(WarehouseSettings, TopicSettings):
    """Topics, tables and the consumer group whose positions connect them."""

    ingestor_group: str = Field(
        default="session-events-ingestor", min_length=1, description="a consumer group's name"
    )


class IngestorSettings(DedupSettings, StreamSettings):
    """Settings of a consumer process."""

    pseudonym_key_file: Path | None = Field(
        default=None, description="a file with the key of pupils' pseudonyms"
    )
    memory_budget_bytes: ByteSize = Field(
        default=ByteSize(64 * MIB),
        description="bytes for everything that grows with the messages, as 64MiB",
    )
    batch_max_rows: PositiveInt = Field(default=50_000, description="rows of a full micro-batch")
    batch_max_bytes: ByteSize = Field(
        default_factory=_batch_of,
        gt=0,
        description="bytes of a full micro-batch, by default 8MiB or, in SQL, 2MiB",
    )
    batch_max_seconds: PositiveFloat = Field(
        default_factory=_batch_seconds_of,
        description="seconds that a row waits for a full micro-batch, by default 0.5 or, in SQL, 5",
    )
    idle_commit_seconds: PositiveFloat = Field(
        default_factory=_idle_commit_of,
        description="seconds between commits without messages, by default 60 or, in SQL, 3600",
    )
    upkeep_seconds: NonNegativeFloat = Field(
        default_factory=_upkeep_of,
        description="seconds between passes of upkeep, by default 30 or, in SQL, 0; 0 turns it off",
    )
    http_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=0,
        description="port of /metrics, /healthz and /readyz; 0 takes a free port and logs it",
    )
    broker_clock_skew_seconds: NonNegativeFloat = Field(
        default=5.0, description="seconds by which the clocks of two brokers may differ"
    )
    drain_seconds: PositiveFloat = Field(
        default=20.0, description="seconds from SIGTERM until the process ends"
    )
    dead_letter_limit: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="largest share of bad messages among a consumer's latest "
        f"{DEAD_LETTER_WINDOW}, 0 < ratio <= 1",
    )

    @model_validator(mode="after")
    def _budget_holds_the_batches(self) -> Self:
        least = LEAST_BATCHES * self.batch_max_bytes
        if self.memory_budget_bytes < least:
            raise ValueError(
                f"MEMORY_BUDGET_BYTES is less than {least}, seven times BATCH_MAX_BYTES: one batch "
                "is being stored, in up to three copies, one filled, and two are fetched and "
                "decoded; raise the budget or lower the batch"
            )
        return self
