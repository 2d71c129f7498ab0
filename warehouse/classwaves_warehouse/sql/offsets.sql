SELECT DISTINCT kafka_offset
FROM session_events
WHERE
    kafka_topic_id = :topic_id
    AND kafka_partition = :partition
    AND kafka_offset >= :start_offset
    AND kafka_offset < :end_offset
ORDER BY kafka_offset
