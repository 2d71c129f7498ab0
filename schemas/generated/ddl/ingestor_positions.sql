CREATE TABLE IF NOT EXISTS classwaves.analytics.ingestor_positions (
  consumer_group STRING NOT NULL COMMENT 'Whose position',
  topic STRING NOT NULL COMMENT 'The topic, by name',
  topic_id STRING NOT NULL COMMENT 'The topic, by the id of its incarnation',
  kafka_partition INT COMMENT 'The partition; NULL where the incarnation was accepted before any was stored',
  position BIGINT COMMENT 'The next offset to read',
  first_offset BIGINT COMMENT 'Where reading began; all counts are since then',
  duplicates BIGINT COMMENT 'Events whose identity was stored from another message',
  conflicting BIGINT COMMENT 'Those of the duplicates whose event_time or payload differed',
  erased BIGINT COMMENT 'Events of persons who have been erased',
  holes BIGINT COMMENT 'Offsets that the broker never delivered',
  dead_lettered STRING COMMENT 'Messages sent to the dead letters, by reason, as JSON',
  stored_until TIMESTAMP COMMENT 'Broker time up to which the partition is stored'
) USING DELTA
PARTITIONED BY (kafka_partition)
TBLPROPERTIES (
  'comment' = 'How far each Kafka partition is stored, and what became of its messages',
  'delta.isolationLevel' = 'Serializable',
  'delta.enableDeletionVectors' = 'false'
);
