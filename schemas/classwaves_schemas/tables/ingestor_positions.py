"""The checkpoint of each partition, for warehouses without transactions in the log."""

from classwaves_schemas.tables.table import BIGINT, EXCLUSIVE, INT, STRING, TIMESTAMP, Column, Table

INGESTOR_POSITIONS = Table(
    schema="analytics",
    name="ingestor_positions",
    properties={"comment": "Checkpoint of each Kafka partition: position and counters"},
    databricks_properties=EXCLUSIVE,
    partitioned_by=("kafka_partition",),
    columns=(
        Column("consumer_group", STRING, "Consumer group", nullable=False),
        Column("topic", STRING, "Topic name", nullable=False),
        Column("topic_id", STRING, "Topic id", nullable=False),
        Column(
            "kafka_partition",
            INT,
            "Partition; NULL for a topic id that was accepted before its first commit",
        ),
        Column("position", BIGINT, "The next offset to read"),
        Column("first_offset", BIGINT, "First offset that was read; all counters start there"),
        Column("duplicates", BIGINT, "Events whose identity was stored from another message"),
        Column(
            "conflicting", BIGINT, "Those of the duplicates whose event_time or payload differed"
        ),
        Column("erased", BIGINT, "Events of persons who have been erased"),
        Column("holes", BIGINT, "Offsets that the broker never delivered"),
        Column("dead_lettered", STRING, "Messages sent to the dead letters, by reason, as JSON"),
        Column("stored_until", TIMESTAMP, "Broker time through which the partition is ingested"),
        Column("expired", BIGINT, "Offsets that retention deleted before they were read"),
        Column("acknowledged", BIGINT, "Those of the expired that an operator acknowledged"),
        Column("superseded", BIGINT, "Offsets that were read again after the log lost its tail"),
        Column("superseded_until", BIGINT, "End of the highest range of superseded offsets"),
        Column("summed_from", BIGINT, "The offset at which the sums begin"),
        Column("sums", STRING, "Sums of offsets and of squares modulo 2^61, by class, as JSON"),
        Column("leader_epoch", INT, "Leader epoch of the last message before the position"),
        Column("stopped", INT, "Why the consumer stopped reading; NULL while it reads"),
        Column("recent_messages", INT, "The number of the latest messages"),
        Column("recent_dead_letters", INT, "Those of them that were bad and not released"),
        Column("released_until", BIGINT, "Bad messages below it are dead-lettered without limit"),
    ),
)
