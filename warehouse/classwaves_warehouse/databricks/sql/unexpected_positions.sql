-- Partitions whose stored position differs from the expected one.
    SELECT 1
    FROM inline(from_json(
      :expected_positions, 'ARRAY<STRUCT<kafka_partition: INT, expected: BIGINT>>',
      map('mode', 'FAILFAST')
    )) AS expected_positions
    LEFT JOIN ingestor_positions AS stored
      ON stored.kafka_partition = expected_positions.kafka_partition AND $own_partitions
    WHERE NOT (stored.position <=> expected_positions.expected)
