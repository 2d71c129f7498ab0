-- A partition that does not stand where its owner believes.
    SELECT 1
    FROM inline(
      from_json(:progress, 'ARRAY<STRUCT<kafka_partition: INT, expected: BIGINT>>', map('mode', 'FAILFAST'))
    ) AS believed
    LEFT JOIN ingestor_positions AS held ON held.kafka_partition = believed.kafka_partition AND $ours
    WHERE NOT (held.position <=> believed.expected)
