SELECT topic_id, kafka_partition, stored_until
FROM $place
WHERE consumer_group = :consumer_group AND topic = :topic AND kafka_partition IS NOT NULL
