"""How far each partition is stored, where a warehouse has no transactions in its log."""

from classwaves_schemas.tables.table import BIGINT, EXCLUSIVE, INT, STRING, TIMESTAMP, Column, Table

INGESTOR_POSITIONS = Table(
    schema="analytics",
    name="ingestor_positions",
    properties={
        "comment": "How far each Kafka partition is stored, and what became of its messages"
    },
    databricks_properties=EXCLUSIVE,
    partitioned_by=("kafka_partition",),
    columns=(
        Column("consumer_group", STRING, "Whose position", nullable=False),
        Column("topic", STRING, "The topic, by name", nullable=False),
        Column("topic_id", STRING, "The topic, by the id of its incarnation", nullable=False),
        Column(
            "kafka_partition",
            INT,
            "The partition; NULL where the incarnation was accepted before any was stored",
        ),
        Column("position", BIGINT, "The next offset to read"),
        Column("first_offset", BIGINT, "Where reading began; all counts are since then"),
        Column("duplicates", BIGINT, "Events whose identity was stored from another message"),
        Column(
            "conflicting", BIGINT, "Those of the duplicates whose event_time or payload differed"
        ),
        Column("erased", BIGINT, "Events of persons who have been erased"),
        Column("holes", BIGINT, "Offsets that the broker never delivered"),
        Column("dead_lettered", STRING, "Messages sent to the dead letters, by reason, as JSON"),
        Column("stored_until", TIMESTAMP, "Broker time up to which the partition is stored"),
    ),
)
