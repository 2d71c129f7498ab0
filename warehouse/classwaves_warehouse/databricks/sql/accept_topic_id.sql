-- Record a topic id without a position, so that the group accepts it.
MERGE INTO ingestor_positions AS stored
USING (SELECT 1) AS accepted
ON
  stored.consumer_group = :consumer_group
  AND stored.topic = :topic
  AND stored.topic_id = :topic_id
WHEN NOT MATCHED THEN INSERT (consumer_group, topic, topic_id)
VALUES (:consumer_group, :topic, :topic_id)
