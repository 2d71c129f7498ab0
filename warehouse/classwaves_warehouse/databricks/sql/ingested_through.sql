-- The broker time through which each partition of a topic is ingested.
SELECT topic_id, kafka_partition, stored_until
FROM $table
WHERE consumer_group = :consumer_group AND topic = :topic AND kafka_partition IS NOT NULL
