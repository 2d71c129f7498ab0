-- Move the positions of all partitions of an append, or of none.
MERGE INTO ingestor_positions AS held
USING (
  SELECT
    believed.*,
    count_if(NOT (held.position <=> believed.expected)) OVER () AS strays
  FROM inline(from_json(:progress, 'ARRAY<STRUCT<
    kafka_partition: INT, expected: BIGINT, position: BIGINT, first_offset: BIGINT, duplicates: BIGINT,
    conflicting: BIGINT, erased: BIGINT, holes: BIGINT, dead_lettered: STRING, stored_until: BIGINT
  >>', map('mode', 'FAILFAST'))) AS believed
  LEFT JOIN ingestor_positions AS held ON held.kafka_partition = believed.kafka_partition AND $ours
) AS made
ON held.kafka_partition = made.kafka_partition AND $ours
WHEN MATCHED AND made.strays = 0 AND held.position = made.expected THEN UPDATE SET
  position = made.position,
  duplicates = held.duplicates + made.duplicates,
  conflicting = held.conflicting + made.conflicting,
  erased = held.erased + made.erased,
  holes = held.holes + made.holes,
  dead_lettered = to_json(map_zip_with(
    from_json(held.dead_lettered, 'MAP<STRING, BIGINT>', map('mode', 'FAILFAST')),
    from_json(made.dead_lettered, 'MAP<STRING, BIGINT>', map('mode', 'FAILFAST')),
    (reason, before, more) -> coalesce(before, 0) + coalesce(more, 0)
  )),
  stored_until = greatest(held.stored_until, timestamp_micros(made.stored_until))
WHEN NOT MATCHED AND made.strays = 0 AND made.expected IS NULL THEN INSERT (
  consumer_group, topic, topic_id, kafka_partition, position, first_offset, duplicates, conflicting, erased, holes,
  dead_lettered, stored_until
) VALUES (
  :consumer_group, :topic, :topic_id, made.kafka_partition, made.position, made.first_offset, made.duplicates,
  made.conflicting, made.erased, made.holes, made.dead_lettered, timestamp_micros(made.stored_until)
)
