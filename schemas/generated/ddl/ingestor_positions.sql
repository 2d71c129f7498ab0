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
  stored_until TIMESTAMP COMMENT 'Broker time through which the partition is ingested',
  expired BIGINT COMMENT 'Offsets that retention deleted before they were read',
  acknowledged BIGINT COMMENT 'Those of the expired that an operator acknowledged',
  superseded BIGINT COMMENT 'Offsets that were read again after the log lost its tail',
  superseded_until BIGINT COMMENT 'End of the highest range of superseded offsets',
  summed_from BIGINT COMMENT 'The offset at which the sums begin',
  sums STRING COMMENT 'Sums of offsets and of squares modulo 2^61, by class, as JSON',
  leader_epoch INT COMMENT 'Leader epoch of the last message before the position',
  stopped INT COMMENT 'Why the consumer stopped reading; NULL while it reads',
  recent_messages INT COMMENT 'The number of the latest messages',
  recent_dead_letters INT COMMENT 'Those of them that were bad and not released',
  released_until BIGINT COMMENT 'Bad messages below it are dead-lettered without limit'
) USING DELTA
PARTITIONED BY (kafka_partition)
TBLPROPERTIES (
  'comment' = 'Checkpoint of each Kafka partition: position and counters',
  'delta.isolationLevel' = 'Serializable',
  'delta.enableDeletionVectors' = 'false'
);
