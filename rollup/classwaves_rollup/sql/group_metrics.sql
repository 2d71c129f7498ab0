-- The latest row of each group, under the same condition as that of a session.
WITH latest AS (
    SELECT
        spans.school_id,
        group_metrics.group_id,
        group_metrics.calculation_timestamp,
        CAST(group_metrics.turn_taking_score AS DOUBLE) AS turn_taking,
        CAST(COALESCE(group_metrics.members_present, 1) AS DOUBLE) AS members,
        ROW_NUMBER() OVER (
            PARTITION BY group_metrics.session_id, group_metrics.group_id
            ORDER BY group_metrics.calculation_timestamp DESC, group_metrics.id DESC
        ) AS place
    FROM group_metrics
    INNER JOIN spans
        ON group_metrics.session_id = spans.session_id
    WHERE
        group_metrics.calculation_timestamp >= :window_start
        AND group_metrics.calculation_timestamp >= spans.starts
)

SELECT
    school_id,
    'collaboration' AS fact,
    group_id AS entity_id,
    turn_taking AS amount,
    members AS weight
FROM latest
WHERE place = 1 AND turn_taking IS NOT NULL
UNION ALL
SELECT
    school_id,
    'as_of' AS fact,
    NULL AS entity_id,
    CAST(UNIX_MICROS(MAX(calculation_timestamp)) AS DOUBLE) AS amount,
    NULL AS weight
FROM latest
WHERE place = 1 AND turn_taking IS NOT NULL
GROUP BY school_id
