-- The latest row of each group since its session started, as in session_metrics.
WITH latest AS (
    SELECT
        active_minutes.school_id,
        group_metrics.group_id,
        group_metrics.calculation_timestamp,
        CAST(group_metrics.turn_taking_score AS DOUBLE) AS turn_taking,
        CAST(COALESCE(group_metrics.members_present, 1) AS DOUBLE) AS members,
        ROW_NUMBER() OVER (
            PARTITION BY group_metrics.session_id, group_metrics.group_id
            ORDER BY group_metrics.calculation_timestamp DESC, group_metrics.id DESC
        ) AS rank
    FROM group_metrics
    INNER JOIN active_minutes
        ON group_metrics.session_id = active_minutes.session_id
    WHERE
        group_metrics.calculation_timestamp >= :window_start
        AND group_metrics.calculation_timestamp >= active_minutes.starts
)

SELECT
    school_id,
    'collaboration' AS fact,
    group_id AS entity_id,
    turn_taking AS amount,
    members AS weight
FROM latest
WHERE rank = 1 AND turn_taking IS NOT NULL
UNION ALL
SELECT
    school_id,
    'as_of' AS fact,
    NULL AS entity_id,
    CAST(UNIX_MICROS(MAX(calculation_timestamp)) AS DOUBLE) AS amount,
    NULL AS weight
FROM latest
WHERE rank = 1 AND turn_taking IS NOT NULL
GROUP BY school_id
