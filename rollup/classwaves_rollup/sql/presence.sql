-- What some sessions had and have to do with which hours of a stretch of time. Hours are numbers since 1970.
WITH changed AS (
    SELECT EXPLODE(SPLIT(:sessions, '$separator')) AS session_id
),

active_facts AS (
    SELECT
        rollup_facts_hourly.entity_id AS session_id,
        rollup_facts_hourly.school_id,
        UNIX_MICROS(rollup_facts_hourly.metric_hour) AS at,
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
        rollup_facts_hourly.entity_id AS session_id,
        rollup_facts_hourly.school_id,
        UNIX_MICROS(rollup_facts_hourly.metric_hour) AS at,
        rollup_facts_hourly.amount AS minutes
    FROM rollup_facts_hourly
    INNER JOIN changed
        ON rollup_facts_hourly.entity_id = changed.session_id
    WHERE
        rollup_facts_hourly.metric_hour >= :hour
        AND rollup_facts_hourly.metric_hour < :hour_end
        AND rollup_facts_hourly.fact = 'transcription'
),

transcribed AS (
    SELECT
        classroom_sessions.id AS session_id,
        MAX(CASE WHEN classroom_sessions.transcription_enabled THEN 1 ELSE 0 END) AS factor
    FROM classroom_sessions
    INNER JOIN changed
        ON classroom_sessions.id = changed.session_id
    WHERE classroom_sessions.transcription_enabled IS NOT NULL
    GROUP BY classroom_sessions.id
),

-- How long they are under way in each hour, as `spans` has it of one.
active_now AS (
    SELECT
        session_id,
        number * 3600000000 AS at,
        CAST(
            SUM(LEAST(until, number * 3600000000 + 3600000000) - GREATEST(since, number * 3600000000)) AS DOUBLE
        ) / 60000000 AS minutes
    FROM (
        SELECT
            session_id,
            since,
            until,
            EXPLODE(
                SEQUENCE(
                    CAST(FLOOR(CAST(since AS DOUBLE) / 3600000000) AS BIGINT),
                    CAST(FLOOR(CAST(until - 1 AS DOUBLE) / 3600000000) AS BIGINT)
                )
            ) AS number
        FROM (
            SELECT
                stretches.session_id,
                UNIX_MICROS(GREATEST(stretches.starts, :hour)) AS since,
                UNIX_MICROS(GREATEST(stretches.starts, :hour)) + stretches.microseconds AS until
            FROM stretches
            INNER JOIN changed
                ON stretches.session_id = changed.session_id
            WHERE stretches.microseconds > 0
        ) AS each_stretch
    ) AS each_hour
    GROUP BY session_id, number
),

told AS (
    SELECT DISTINCT
        session_events.session_id,
        UNIX_MICROS(session_events.event_time) AS at,
        NULLIF(session_events.school_id, '') AS school_id
    FROM session_events
    INNER JOIN changed
        ON session_events.session_id = changed.session_id
    WHERE session_events.event_time >= :window_start AND session_events.event_time < :window_end
),

named AS (
    SELECT
        session_id,
        MIN(school_id) AS school_id
    FROM told
    GROUP BY session_id
),

had AS (
    SELECT
        session_id,
        'active' AS part,
        at
    FROM active_facts
    UNION ALL
    SELECT
        session_id,
        'active' AS part,
        at
    FROM active_now
    UNION ALL
    -- The facts are not what its starts and ends make of them now.
    SELECT
        COALESCE(active_facts.session_id, active_now.session_id) AS session_id,
        'moved' AS part,
        COALESCE(active_facts.at, active_now.at) AS at
    FROM active_facts
    FULL OUTER JOIN active_now
        ON active_facts.session_id = active_now.session_id AND active_facts.at = active_now.at
    WHERE COALESCE(active_facts.minutes, -1) <> COALESCE(active_now.minutes, -1)
    UNION ALL
    -- Its events name another school now.
    SELECT
        active_facts.session_id,
        'moved' AS part,
        active_facts.at
    FROM active_facts
    INNER JOIN named
        ON active_facts.session_id = named.session_id
    WHERE named.school_id <> active_facts.school_id
    UNION ALL
    SELECT
        session_id,
        'event' AS part,
        at
    FROM told
    UNION ALL
    -- It does not name the session's school.
    SELECT
        told.session_id,
        'unsettled' AS part,
        told.at
    FROM told
    INNER JOIN named
        ON told.session_id = named.session_id
    WHERE told.school_id IS NULL OR told.school_id <> named.school_id
    UNION ALL
    SELECT
        educational_metrics.session_id,
        'log' AS part,
        UNIX_MICROS(educational_metrics.calculation_timestamp) AS at
    FROM educational_metrics
    INNER JOIN changed
        ON educational_metrics.session_id = changed.session_id
    WHERE educational_metrics.calculation_timestamp >= :hour AND educational_metrics.calculation_timestamp < :hour_end
    UNION ALL
    SELECT
        system_events.session_id,
        'log' AS part,
        UNIX_MICROS(system_events.created_at) AS at
    FROM system_events
    INNER JOIN changed
        ON system_events.session_id = changed.session_id
    WHERE system_events.created_at >= :hour AND system_events.created_at < :hour_end
    UNION ALL
    -- The facts are not what the session's row makes of them now.
    SELECT
        active_facts.session_id,
        'disagreeing' AS part,
        active_facts.at
    FROM active_facts
    LEFT JOIN transcription_facts
        ON
            active_facts.session_id = transcription_facts.session_id
            AND active_facts.school_id = transcription_facts.school_id
            AND active_facts.at = transcription_facts.at
    LEFT JOIN transcribed
        ON active_facts.session_id = transcribed.session_id
    WHERE COALESCE(transcription_facts.minutes, -1) <> COALESCE(active_facts.minutes * transcribed.factor, -1)
)

SELECT DISTINCT
    session_id,
    part,
    CAST(FLOOR(CAST(at AS DOUBLE) / 3600000000) AS BIGINT) AS hour
FROM had
