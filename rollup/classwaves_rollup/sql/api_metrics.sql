WITH requests AS (
    SELECT
        school_id,
        response_time_ms,
        status_code,
        timestamp AS requested_at
    FROM api_metrics
    WHERE
        timestamp >= :hour
        AND timestamp < :hour_end
        AND NULLIF(school_id, '') IS NOT NULL
)

SELECT
    school_id,
    'response_time' AS fact,
    CAST(NULL AS STRING) AS entity_id,
    CAST(SUM(CAST(response_time_ms AS BIGINT)) AS DOUBLE) / COUNT(*) AS amount,
    CAST(COUNT(*) AS DOUBLE) AS weight
FROM requests
WHERE response_time_ms IS NOT NULL
GROUP BY school_id
UNION ALL
-- A percentage, weighted by its number of requests like every other mean.
SELECT
    school_id,
    'server_error' AS fact,
    NULL AS entity_id,
    100 * CAST(COUNT(CASE WHEN status_code >= 500 THEN 1 END) AS DOUBLE) / COUNT(*) AS amount,
    CAST(COUNT(*) AS DOUBLE) AS weight
FROM requests
WHERE status_code IS NOT NULL
GROUP BY school_id
UNION ALL
SELECT
    school_id,
    'as_of' AS fact,
    NULL AS entity_id,
    CAST(UNIX_MICROS(MAX(requested_at)) AS DOUBLE) AS amount,
    NULL AS weight
FROM requests
WHERE COALESCE(response_time_ms, status_code) IS NOT NULL
GROUP BY school_id
