-- The school of each session in the hour: from its events, else from classroom_sessions, else NULL.
-- If several schools are named, it is the least, so that it does not depend on the order of rows.
SELECT
    sessions.session_id,
    COALESCE(MIN(sessions.school_id), MIN(NULLIF(classroom_sessions.school_id, ''))) AS school_id,
    MAX(sessions.as_of) AS as_of
FROM (
    SELECT
        session_id,
        MIN(NULLIF(school_id, '')) AS school_id,
        -- An end after the hour does not change the hour, so its time of writing does not count.
        MAX(CASE WHEN event_time < :hour_end THEN created_at END) AS as_of
    FROM session_events
    WHERE
        event_time >= :window_start
        AND event_time < :window_end
        AND (event_time < :hour_end OR event_type IN ('started', 'ended'))
    GROUP BY session_id
    UNION ALL
    SELECT
        session_id,
        NULL AS school_id,
        NULL AS as_of
    FROM educational_metrics
    WHERE calculation_timestamp >= :hour AND calculation_timestamp < :hour_end
    UNION ALL
    SELECT
        session_id,
        NULL AS school_id,
        NULL AS as_of
    FROM system_events
    WHERE created_at >= :hour AND created_at < :hour_end AND session_id IS NOT NULL
) AS sessions
LEFT JOIN classroom_sessions
    ON sessions.session_id = classroom_sessions.id
GROUP BY sessions.session_id
