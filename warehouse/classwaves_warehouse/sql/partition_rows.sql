-- Grouped twice rather than COUNT(DISTINCT ...): a grouping spills to disk.
SELECT
    kafka_partition,
    SUM(stored_rows) AS stored_rows,
    COUNT(*) AS offsets,
    MIN(kafka_offset) AS lowest,
    MAX(kafka_offset) AS highest
FROM (
    SELECT
        kafka_partition,
        kafka_offset,
        COUNT(*) AS stored_rows
    FROM session_events
    WHERE kafka_topic_id = :topic_id
    GROUP BY kafka_partition, kafka_offset
) AS by_offset
GROUP BY kafka_partition
ORDER BY kafka_partition
