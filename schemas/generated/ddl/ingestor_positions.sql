CREATE TABLE IF NOT EXISTS classwaves.analytics.ingestor_positions (
  consumer_group STRING NOT NULL COMMENT 'Consumer group',
  topic STRING NOT NULL COMMENT 'Topic name',
  topic_id STRING NOT NULL COMMENT 'Topic id',
  kafka_partition INT COMMENT 'Partition; NULL for a topic id that was accepted before its first commit',
  position BIGINT COMMENT 'The next offset to read',
  first_offset BIGINT COMMENT 'First offset that was read; all counters start there',
  duplicates BIGINT COMMENT 'Events whose identity was stored from another message',
  conflicting BIGINT COMMENT 'Those of the duplicates whose event_time or payload differed',
  erased BIGINT COMMENT 'Events of persons who have been erased',
  holes BIGINT COMMENT 'Offsets that the broker never delivered',
  dead_lettered STRING COMMENT 'Messages sent to the dead letters, by reason, as JSON',
  stored_until TIMESTAMP COMMENT 'Broker time through which the partition is ingested'
) USING DELTA
PARTITIONED BY (kafka_partition)
TBLPROPERTIES (
  'comment' = 'Checkpoint of each Kafka partition: position and counters',
  'delta.isolationLevel' = 'Serializable',
  'delta.enableDeletionVectors' = 'false'
);
