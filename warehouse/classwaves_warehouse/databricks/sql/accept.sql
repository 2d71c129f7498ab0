-- Let an incarnation of a topic be known without a position.
MERGE INTO ingestor_positions AS held
USING (SELECT 1) AS accepted
ON held.consumer_group = :consumer_group AND held.topic = :topic AND held.topic_id = :topic_id
WHEN NOT MATCHED THEN INSERT (consumer_group, topic, topic_id) VALUES (:consumer_group, :topic, :topic_id)
