-- The school of each session that the hour has to do with: from its events, else from classroom_sessions, else none.
-- Where they disagree it is the least, so that it does not depend on the order of rows.
SELECT
    named.session_id,
    COALESCE(MIN(named.school_id), MIN(NULLIF(classroom_sessions.school_id, ''))) AS school_id,
    MAX(named.as_of) AS as_of
FROM (
    SELECT
        session_id,
        MIN(NULLIF(school_id, '')) AS school_id,
        -- A session that ends in time after the hour does not make it another one.
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
) AS named
LEFT JOIN classroom_sessions
    ON named.session_id = classroom_sessions.id
GROUP BY named.session_id
