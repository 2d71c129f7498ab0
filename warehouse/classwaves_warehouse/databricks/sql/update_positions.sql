-- Update the positions of all partitions of an append, or none of them.
MERGE INTO ingestor_positions AS stored
USING (
  SELECT
    updates.*,
    count_if(NOT (stored.position <=> updates.expected)) OVER () AS unexpected_positions
  FROM inline(from_json(:updates, 'ARRAY<STRUCT<
    kafka_partition: INT, expected: BIGINT, position: BIGINT, first_offset: BIGINT,
    duplicates: BIGINT, conflicting: BIGINT, erased: BIGINT, holes: BIGINT,
    expired: BIGINT, superseded: BIGINT, superseded_until: BIGINT, dead_lettered: STRING,
    sums: STRING, leader_epoch: INT, stopped: INT, recent_messages: INT, recent_dead_letters: INT,
    released_until: BIGINT, stored_until: BIGINT
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
  expired = coalesce(stored.expired, 0) + updates.expired,
  superseded = coalesce(stored.superseded, 0) + updates.superseded,
  superseded_until = greatest(stored.superseded_until, updates.superseded_until),
  -- Version 0.1 stored no sums: they begin with this commit.
  summed_from = coalesce(stored.summed_from, stored.position),
  sums = to_json(map_zip_with(
    from_json(coalesce(stored.sums, '{}'), 'MAP<STRING, BIGINT>', map('mode', 'FAILFAST')),
    from_json(updates.sums, 'MAP<STRING, BIGINT>', map('mode', 'FAILFAST')),
    (name, total, increment) -> (coalesce(total, 0) + coalesce(increment, 0)) % $modulus
  )),
  leader_epoch = coalesce(updates.leader_epoch, stored.leader_epoch),
  stopped = updates.stopped,
  recent_messages = coalesce(updates.recent_messages, stored.recent_messages),
  recent_dead_letters = coalesce(updates.recent_dead_letters, stored.recent_dead_letters),
  released_until = coalesce(updates.released_until, stored.released_until),
  stored_until = timestamp_micros(updates.stored_until)
WHEN NOT MATCHED AND updates.unexpected_positions = 0 AND updates.expected IS NULL
THEN INSERT (
  consumer_group, topic, topic_id, kafka_partition, position, first_offset, duplicates,
  conflicting, erased, holes, expired, acknowledged, superseded, superseded_until, dead_lettered,
  summed_from, sums, leader_epoch, stopped, recent_messages, recent_dead_letters, released_until, stored_until
) VALUES (
  :consumer_group, :topic, :topic_id, updates.kafka_partition, updates.position,
  updates.first_offset, updates.duplicates, updates.conflicting, updates.erased, updates.holes,
  updates.expired, 0, updates.superseded, updates.superseded_until, updates.dead_lettered,
  updates.first_offset, updates.sums, updates.leader_epoch, updates.stopped,
  updates.recent_messages, updates.recent_dead_letters, updates.released_until,
  timestamp_micros(updates.stored_until)
)
