-- What some sessions had and have to do with the hours of a stretch of time: from one hour to another, by their numbers
-- since 1970.
WITH changed AS (
    SELECT EXPLODE(SPLIT(:sessions, '$separator')) AS session_id
),

active_facts AS (
    SELECT
        rollup_facts_hourly.entity_id AS session_id,
        rollup_facts_hourly.school_id,
        rollup_facts_hourly.metric_hour,
        rollup_facts_hourly.amount AS minutes
    FROM rollup_facts_hourly
    INNER JOIN changed
        ON rollup_facts_hourly.entity_id = changed.session_id
    WHERE
        rollup_facts_hourly.metric_hour >= :hour
        AND rollup_facts_hourly.metric_hour < :hour_end
        AND rollup_facts_hourly.fact = 'session'
),

transcription_facts AS (
    SELECT
        entity_id AS session_id,
        school_id,
        metric_hour,
        amount AS minutes
    FROM rollup_facts_hourly
    WHERE
        metric_hour >= :hour
        AND metric_hour < :hour_end
        AND fact = 'transcription'
),

transcribed AS (
    SELECT
        id AS session_id,
        MAX(CASE WHEN transcription_enabled THEN 1 ELSE 0 END) AS factor
    FROM classroom_sessions
    WHERE transcription_enabled IS NOT NULL
    GROUP BY id
),

told AS (
    SELECT DISTINCT
        session_events.session_id,
        UNIX_MICROS(session_events.event_time) AS at,
        NULLIF(session_events.school_id, '') IS NULL AS homeless
    FROM session_events
    INNER JOIN changed
        ON session_events.session_id = changed.session_id
    WHERE session_events.event_time >= :hour AND session_events.event_time < :hour_end
),

had AS (
    SELECT
        session_id,
        'active' AS part,
        UNIX_MICROS(metric_hour) AS since,
        UNIX_MICROS(metric_hour) AS until
    FROM active_facts
    UNION ALL
    SELECT
        stretches.session_id,
        'active' AS part,
        UNIX_MICROS(GREATEST(stretches.starts, :hour)) AS since,
        UNIX_MICROS(GREATEST(stretches.starts, :hour)) + stretches.microseconds - 1 AS until
    FROM stretches
    INNER JOIN changed
        ON stretches.session_id = changed.session_id
    WHERE stretches.microseconds > 0
    UNION ALL
    SELECT
        session_id,
        'event' AS part,
        at AS since,
        at AS until
    FROM told
    UNION ALL
    SELECT
        session_id,
        'homeless' AS part,
        at AS since,
        at AS until
    FROM told
    WHERE homeless
    UNION ALL
    SELECT
        educational_metrics.session_id,
        'log' AS part,
        UNIX_MICROS(educational_metrics.calculation_timestamp) AS since,
        UNIX_MICROS(educational_metrics.calculation_timestamp) AS until
    FROM educational_metrics
    INNER JOIN changed
        ON educational_metrics.session_id = changed.session_id
    WHERE educational_metrics.calculation_timestamp >= :hour AND educational_metrics.calculation_timestamp < :hour_end
    UNION ALL
    SELECT
        system_events.session_id,
        'log' AS part,
        UNIX_MICROS(system_events.created_at) AS since,
        UNIX_MICROS(system_events.created_at) AS until
    FROM system_events
    INNER JOIN changed
        ON system_events.session_id = changed.session_id
    WHERE system_events.created_at >= :hour AND system_events.created_at < :hour_end
    UNION ALL
    -- The facts are not what the session's row makes of them now.
    SELECT
        active_facts.session_id,
        'disagreeing' AS part,
        UNIX_MICROS(active_facts.metric_hour) AS since,
        UNIX_MICROS(active_facts.metric_hour) AS until
    FROM active_facts
    LEFT JOIN transcription_facts
        ON
            active_facts.session_id = transcription_facts.session_id
            AND active_facts.school_id = transcription_facts.school_id
            AND active_facts.metric_hour = transcription_facts.metric_hour
    LEFT JOIN transcribed
        ON active_facts.session_id = transcribed.session_id
    WHERE COALESCE(transcription_facts.minutes, -1) <> COALESCE(active_facts.minutes * transcribed.factor, -1)
)

SELECT DISTINCT
    session_id,
    part,
    CAST(FLOOR(CAST(since AS DOUBLE) / 3600000000) AS BIGINT) AS since,
    CAST(FLOOR(CAST(until AS DOUBLE) / 3600000000) AS BIGINT) AS until
FROM had
