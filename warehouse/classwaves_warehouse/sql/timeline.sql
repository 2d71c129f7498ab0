SELECT *
FROM session_events
WHERE session_id = :session_id
ORDER BY
    event_time ASC NULLS FIRST,
    source ASC NULLS FIRST,
    sequence ASC NULLS FIRST,
    id ASC NULLS FIRST
