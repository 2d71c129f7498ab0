-- Update the positions of all partitions of an append, or none of them.
MERGE INTO ingestor_positions AS stored
USING (
  SELECT
    updates.*,
    count_if(NOT (stored.position <=> updates.expected)) OVER () AS unexpected_positions
  FROM inline(from_json(:updates, 'ARRAY<STRUCT<
    kafka_partition: INT, expected: BIGINT, position: BIGINT, first_offset: BIGINT,
    duplicates: BIGINT, conflicting: BIGINT, erased: BIGINT, holes: BIGINT,
    dead_lettered: STRING, stored_until: BIGINT
  >>', map('mode', 'FAILFAST'))) AS updates
  LEFT JOIN ingestor_positions AS stored
    ON stored.kafka_partition = updates.kafka_partition AND $own_partitions
) AS updates
ON stored.kafka_partition = updates.kafka_partition AND $own_partitions
WHEN MATCHED AND updates.unexpected_positions = 0 AND stored.position = updates.expected
THEN UPDATE SET
  position = updates.position,
  duplicates = stored.duplicates + updates.duplicates,
  conflicting = stored.conflicting + updates.conflicting,
  erased = stored.erased + updates.erased,
  holes = stored.holes + updates.holes,
  dead_lettered = to_json(map_zip_with(
    from_json(stored.dead_lettered, 'MAP<STRING, BIGINT>', map('mode', 'FAILFAST')),
    from_json(updates.dead_lettered, 'MAP<STRING, BIGINT>', map('mode', 'FAILFAST')),
    (reason, total, increment) -> coalesce(total, 0) + coalesce(increment, 0)
  )),
  stored_until = timestamp_micros(updates.stored_until)
WHEN NOT MATCHED AND updates.unexpected_positions = 0 AND updates.expected IS NULL
THEN INSERT (
  consumer_group, topic, topic_id, kafka_partition, position, first_offset, duplicates,
  conflicting, erased, holes, dead_lettered, stored_until
) VALUES (
  :consumer_group, :topic, :topic_id, updates.kafka_partition, updates.position,
  updates.first_offset, updates.duplicates, updates.conflicting, updates.erased, updates.holes,
  updates.dead_lettered, timestamp_micros(updates.stored_until)
)
