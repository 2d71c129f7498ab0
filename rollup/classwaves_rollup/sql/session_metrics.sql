-- The latest row of each session. One from before the start is what the backend writes when a session is set up: zeros.
WITH latest AS (
    SELECT
        spans.school_id,
        spans.session_id,
        spans.minutes,
        session_metrics.calculation_timestamp,
        CAST(session_metrics.overall_engagement_score AS DOUBLE) AS engagement,
        CAST(session_metrics.participation_rate AS DOUBLE) AS participation,
        CAST(session_metrics.average_connection_quality AS DOUBLE) AS connection,
        -- The mean of those of the three that are there.
        CAST(
            COALESCE(session_metrics.attention_score, 0)
            + COALESCE(session_metrics.interaction_score, 0)
            + COALESCE(session_metrics.on_topic_percentage, 0) AS DOUBLE
        ) / NULLIF(
            CASE WHEN session_metrics.attention_score IS NULL THEN 0 ELSE 1 END
            + CASE WHEN session_metrics.interaction_score IS NULL THEN 0 ELSE 1 END
            + CASE WHEN session_metrics.on_topic_percentage IS NULL THEN 0 ELSE 1 END,
            0
        ) AS quality,
        ROW_NUMBER() OVER (
            PARTITION BY session_metrics.session_id
            ORDER BY session_metrics.calculation_timestamp DESC, session_metrics.id DESC
        ) AS place
    FROM session_metrics
    INNER JOIN spans
        ON session_metrics.session_id = spans.session_id
    WHERE
        session_metrics.calculation_timestamp >= :window_start
        AND session_metrics.calculation_timestamp >= spans.starts
)

SELECT
    school_id,
    'engagement' AS fact,
    session_id AS entity_id,
    engagement AS amount,
    minutes AS weight
FROM latest
WHERE place = 1 AND engagement IS NOT NULL
UNION ALL
SELECT
    school_id,
    'participation' AS fact,
    session_id AS entity_id,
    participation AS amount,
    minutes AS weight
FROM latest
WHERE place = 1 AND participation IS NOT NULL
UNION ALL
SELECT
    school_id,
    'quality' AS fact,
    session_id AS entity_id,
    quality AS amount,
    minutes AS weight
FROM latest
WHERE place = 1 AND quality IS NOT NULL
UNION ALL
SELECT
    school_id,
    'connection' AS fact,
    session_id AS entity_id,
    connection AS amount,
    minutes AS weight
FROM latest
WHERE place = 1 AND connection IS NOT NULL
UNION ALL
SELECT
    school_id,
    'as_of' AS fact,
    NULL AS entity_id,
    CAST(UNIX_MICROS(MAX(calculation_timestamp)) AS DOUBLE) AS amount,
    NULL AS weight
FROM latest
WHERE place = 1 AND COALESCE(engagement, participation, quality, connection) IS NOT NULL
GROUP BY school_id
