-- By partition: how many incoming rows are stored, and which of them from their own offset.
WITH incoming AS (
  SELECT *, monotonically_increasing_id() AS row_number FROM ($incoming_rows)
),

outcomes AS (
  SELECT
    incoming.row_number,
    any_value(incoming.kafka_partition) AS kafka_partition,
    CAST(any_value(incoming.kafka_offset) AS DECIMAL(19, 0)) AS kafka_offset,
    count(stored.id) > 0 AS is_stored,
    coalesce(bool_or(
      stored.kafka_topic_id = incoming.kafka_topic_id
      AND stored.kafka_partition = incoming.kafka_partition
      AND stored.kafka_offset = incoming.kafka_offset
    ), FALSE) AS is_own_row,
    coalesce(bool_or(
      stored.event_time = incoming.event_time AND stored.payload <=> incoming.payload
    ), FALSE) AS is_equal
  FROM incoming
  LEFT JOIN session_events AS stored ON $same_identity
  GROUP BY incoming.row_number
)

SELECT
  kafka_partition,
  count(*) AS incoming,
  count_if(is_stored) AS stored,
  count_if(is_own_row) AS own_rows,
  coalesce(sum(kafka_offset) FILTER (WHERE is_own_row), 0) % $modulus AS own_total,
  coalesce(sum(kafka_offset * kafka_offset % $modulus) FILTER (WHERE is_own_row), 0) % $modulus
    AS own_squares,
  count_if(is_stored AND NOT is_own_row AND NOT is_equal) AS conflicting
FROM outcomes
GROUP BY kafka_partition
