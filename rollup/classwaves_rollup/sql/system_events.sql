-- A log without errors has 0 errors. Without a log the number of errors is NULL.
WITH logged AS (
    SELECT
        COALESCE(NULLIF(system_events.school_id, ''), schools.school_id) AS school_id,
        system_events.severity,
        system_events.created_at
    FROM system_events
    LEFT JOIN schools
        ON system_events.session_id = schools.session_id
    WHERE
        system_events.created_at >= :hour
        AND system_events.created_at < :hour_end
)

SELECT
    school_id,
    'error' AS fact,
    CAST(NULL AS STRING) AS entity_id,
    CAST(COUNT(CASE WHEN severity IN ('error', 'critical') THEN 1 END) AS DOUBLE) AS amount,
    CAST(NULL AS DOUBLE) AS weight
FROM logged
WHERE school_id IS NOT NULL
GROUP BY school_id
UNION ALL
SELECT
    school_id,
    'as_of' AS fact,
    NULL AS entity_id,
    CAST(UNIX_MICROS(MAX(created_at)) AS DOUBLE) AS amount,
    NULL AS weight
FROM logged
WHERE school_id IS NOT NULL
GROUP BY school_id
