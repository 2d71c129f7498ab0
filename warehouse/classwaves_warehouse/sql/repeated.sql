WITH repeats AS (
    SELECT
        session_id,
        id,
        COUNT(*) - 1 AS beyond_one
    FROM session_events
    GROUP BY session_id, id
    HAVING COUNT(*) > 1
)

SELECT
    total.beyond_one,
    sample.session_id,
    sample.id
FROM (SELECT COALESCE(SUM(beyond_one), 0) AS beyond_one FROM repeats) AS total
LEFT JOIN (SELECT session_id, id FROM repeats ORDER BY session_id, id LIMIT :sample_size) AS sample
    ON TRUE
