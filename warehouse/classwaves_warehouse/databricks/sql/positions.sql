-- Every position of a group in a topic, of whatever incarnation.
SELECT *
FROM ingestor_positions
WHERE consumer_group = :consumer_group AND topic = :topic
