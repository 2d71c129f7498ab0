-- How changed sessions relate to the hours of a range, by the stored facts and by the sources now.
-- Hours are numbers since 1970.
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

-- The minutes of each session in each hour, as in `active_minutes` for one hour.
active_now AS (
    SELECT
        session_id,
        number * 3600000000 AS at,
        CAST(
            SUM(
                LEAST(ends_us, number * 3600000000 + 3600000000)
                - GREATEST(starts_us, number * 3600000000)
            ) AS DOUBLE
        ) / 60000000 AS minutes
    FROM (
        SELECT
            session_id,
            starts_us,
            ends_us,
            EXPLODE(
                SEQUENCE(
                    CAST(FLOOR(CAST(starts_us AS DOUBLE) / 3600000000) AS BIGINT),
                    CAST(FLOOR(CAST(ends_us - 1 AS DOUBLE) / 3600000000) AS BIGINT)
                )
            ) AS number
        FROM (
            SELECT
                session_intervals.session_id,
                UNIX_MICROS(GREATEST(session_intervals.starts, :hour)) AS starts_us,
                UNIX_MICROS(GREATEST(session_intervals.starts, :hour))
                + session_intervals.microseconds AS ends_us
            FROM session_intervals
            INNER JOIN changed
                ON session_intervals.session_id = changed.session_id
            WHERE session_intervals.microseconds > 0
        ) AS clipped
    ) AS by_hour
    GROUP BY session_id, number
),

events AS (
    SELECT DISTINCT
        session_events.session_id,
        UNIX_MICROS(session_events.event_time) AS at,
        NULLIF(session_events.school_id, '') AS school_id
    FROM session_events
    INNER JOIN changed
        ON session_events.session_id = changed.session_id
    WHERE session_events.event_time >= :window_start AND session_events.event_time < :window_end
),

schools_now AS (
    SELECT
        session_id,
        MIN(school_id) AS school_id
    FROM events
    GROUP BY session_id
),

activity AS (
    SELECT
        session_id,
        'active' AS kind,
        at
    FROM active_facts
    UNION ALL
    SELECT
        session_id,
        'active' AS kind,
        at
    FROM active_now
    UNION ALL
    -- The stored minutes differ from those of its starts and ends now.
    SELECT
        COALESCE(active_facts.session_id, active_now.session_id) AS session_id,
        'activity_changed' AS kind,
        COALESCE(active_facts.at, active_now.at) AS at
    FROM active_facts
    FULL OUTER JOIN active_now
        ON active_facts.session_id = active_now.session_id AND active_facts.at = active_now.at
    WHERE COALESCE(active_facts.minutes, -1) <> COALESCE(active_now.minutes, -1)
    UNION ALL
    -- Its events name another school than the stored facts.
    SELECT
        active_facts.session_id,
        'activity_changed' AS kind,
        active_facts.at
    FROM active_facts
    INNER JOIN schools_now
        ON active_facts.session_id = schools_now.session_id
    WHERE schools_now.school_id <> active_facts.school_id
    UNION ALL
    SELECT
        session_id,
        'event' AS kind,
        at
    FROM events
    UNION ALL
    -- The event does not name the session's school.
    SELECT
        events.session_id,
        'school_disputed' AS kind,
        events.at
    FROM events
    INNER JOIN schools_now
        ON events.session_id = schools_now.session_id
    WHERE events.school_id IS NULL OR events.school_id <> schools_now.school_id
    UNION ALL
    SELECT
        educational_metrics.session_id,
        'log' AS kind,
        UNIX_MICROS(educational_metrics.calculation_timestamp) AS at
    FROM educational_metrics
    INNER JOIN changed
        ON educational_metrics.session_id = changed.session_id
    WHERE educational_metrics.calculation_timestamp >= :hour AND educational_metrics.calculation_timestamp < :hour_end
    UNION ALL
    SELECT
        system_events.session_id,
        'log' AS kind,
        UNIX_MICROS(system_events.created_at) AS at
    FROM system_events
    INNER JOIN changed
        ON system_events.session_id = changed.session_id
    WHERE system_events.created_at >= :hour AND system_events.created_at < :hour_end
    UNION ALL
    -- The stored facts differ from what the session's row gives now.
    SELECT
        active_facts.session_id,
        'row_changed' AS kind,
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
    kind,
    CAST(FLOOR(CAST(at AS DOUBLE) / 3600000000) AS BIGINT) AS hour
FROM activity
