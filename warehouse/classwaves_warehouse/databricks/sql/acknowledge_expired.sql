-- Record the expired offsets that an operator knows of.
MERGE INTO ingestor_positions AS stored
USING (
  SELECT *
  FROM inline(from_json(
    :acknowledged, 'ARRAY<STRUCT<kafka_partition: INT, acknowledged: BIGINT>>',
    map('mode', 'FAILFAST')
  ))
) AS updates
ON stored.kafka_partition = updates.kafka_partition AND $own_partitions
WHEN MATCHED THEN UPDATE SET acknowledged = updates.acknowledged
