"""The settings of a publisher."""

from pathlib import Path

from pydantic import ByteSize, Field

from classwaves_runtime.settings import MIB, KafkaOptions, Settings, TopicName


class PublisherSettings(Settings):
    """What a service sets to emit events."""

    kafka: KafkaOptions
    session_events_topic: TopicName = Field(
        default="classwaves.session-events.v1", description="a topic's name"
    )
    spool_folder: Path = Field(description="a folder on a local disk that outlives the process")
    spool_max_bytes: ByteSize = Field(
        default=ByteSize(256 * MIB),
        gt=0,
        description="bytes of events of one process that may wait, as 256MiB",
    )
    max_event_bytes: ByteSize = Field(
        default=ByteSize(64 * 1024),
        gt=0,
        le=8 * MIB,
        description="bytes of the largest event, as 64KiB; at most 8MiB",
    )
    pseudonym_key_file: Path | None = Field(
        default=None, description="a file with the key of pupils' pseudonyms"
    )
