SELECT DISTINCT
    wanted.session_id,
    wanted.id
FROM wanted
INNER JOIN session_events
    ON wanted.session_id = session_events.session_id AND wanted.id = session_events.id
