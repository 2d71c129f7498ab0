SELECT COUNT(*) AS events_without_school
FROM (
    SELECT DISTINCT
        session_events.session_id,
        session_events.id
    FROM session_events
    INNER JOIN schools
        ON session_events.session_id = schools.session_id
    WHERE
        session_events.event_time >= :hour
        AND session_events.event_time < :hour_end
        AND schools.school_id IS NULL
) AS events
