-- Every position of a group in a topic, under every topic id.
SELECT *
FROM ingestor_positions
WHERE consumer_group = :consumer_group AND topic = :topic
