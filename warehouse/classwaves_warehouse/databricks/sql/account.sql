-- By partition, what became of the offered rows, whoever stored them.
WITH offered AS (
  SELECT *, monotonically_increasing_id() AS place FROM ($offered)
),

seen AS (
  SELECT
    offered.place,
    any_value(offered.kafka_partition) AS kafka_partition,
    count(stored.id) > 0 AS is_stored,
    coalesce(bool_or(
      stored.kafka_topic_id = offered.kafka_topic_id
      AND stored.kafka_partition = offered.kafka_partition
      AND stored.kafka_offset = offered.kafka_offset
    ), FALSE) AS is_itself,
    coalesce(bool_or(
      stored.event_time = offered.event_time AND stored.payload <=> offered.payload
    ), FALSE) AS is_alike
  FROM offered
  LEFT JOIN session_events AS stored ON $same_identity
  GROUP BY offered.place
)

SELECT
  kafka_partition,
  count(*) AS offered,
  count_if(is_stored) AS stored,
  count_if(is_itself) AS themselves,
  count_if(is_stored AND NOT is_itself AND NOT is_alike) AS conflicting
FROM seen
GROUP BY kafka_partition
