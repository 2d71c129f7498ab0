-- Grouped twice rather than COUNT(DISTINCT ...): a grouping spills to disk.
-- Offsets below summed_from count as 0 in both sums.
SELECT
    kafka_partition,
    SUM(stored_rows) AS stored_rows,
    COUNT(*) AS offsets,
    MOD(SUM(stored_rows * summed_offset), $modulus) AS total,
    MOD(SUM(stored_rows * MOD(summed_offset * summed_offset, $modulus)), $modulus) AS squares
FROM (
    SELECT
        session_events.kafka_partition,
        session_events.kafka_offset,
        CAST(
            CASE
                WHEN session_events.kafka_offset >= MIN(covered.summed_from)
                    THEN session_events.kafka_offset
                ELSE 0
            END AS DECIMAL(19, 0)
        ) AS summed_offset,
        COUNT(*) AS stored_rows
    FROM session_events
    INNER JOIN covered ON session_events.kafka_partition = covered.kafka_partition
    WHERE
        session_events.kafka_topic_id = :topic_id
        AND session_events.kafka_offset >= covered.first_offset
        AND session_events.kafka_offset < covered.end_offset
    GROUP BY session_events.kafka_partition, session_events.kafka_offset
) AS by_offset
GROUP BY kafka_partition
ORDER BY kafka_partition
