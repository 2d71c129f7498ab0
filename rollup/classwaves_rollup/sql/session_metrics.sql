-- The latest row of each session since it started. The backend writes rows of zeros when it
-- configures a session.
WITH latest AS (
    SELECT
        active_minutes.school_id,
        active_minutes.session_id,
        active_minutes.minutes,
        session_metrics.calculation_timestamp,
        CAST(session_metrics.overall_engagement_score AS DOUBLE) AS engagement,
        CAST(session_metrics.participation_rate AS DOUBLE) AS participation,
        CAST(session_metrics.average_connection_quality AS DOUBLE) AS connection,
        -- The mean of the scores that are not NULL.
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
        ) AS rank
    FROM session_metrics
    INNER JOIN active_minutes
        ON session_metrics.session_id = active_minutes.session_id
    WHERE
        session_metrics.calculation_timestamp >= :window_start
        AND session_metrics.calculation_timestamp >= active_minutes.starts
)

SELECT
    school_id,
    'engagement' AS fact,
    session_id AS entity_id,
    engagement AS amount,
    minutes AS weight
FROM latest
WHERE rank = 1 AND engagement IS NOT NULL
UNION ALL
SELECT
    school_id,
    'participation' AS fact,
    session_id AS entity_id,
    participation AS amount,
    minutes AS weight
FROM latest
WHERE rank = 1 AND participation IS NOT NULL
UNION ALL
SELECT
    school_id,
    'quality' AS fact,
    session_id AS entity_id,
    quality AS amount,
    minutes AS weight
FROM latest
WHERE rank = 1 AND quality IS NOT NULL
UNION ALL
SELECT
    school_id,
    'connection' AS fact,
    session_id AS entity_id,
    connection AS amount,
    minutes AS weight
FROM latest
WHERE rank = 1 AND connection IS NOT NULL
UNION ALL
SELECT
    school_id,
    'as_of' AS fact,
    NULL AS entity_id,
    CAST(UNIX_MICROS(MAX(calculation_timestamp)) AS DOUBLE) AS amount,
    NULL AS weight
FROM latest
WHERE rank = 1 AND COALESCE(engagement, participation, quality, connection) IS NOT NULL
GROUP BY school_id
