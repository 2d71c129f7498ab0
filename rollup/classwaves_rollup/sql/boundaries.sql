-- Each `started` and `ended` of the window, with the previous and the next one of its session. At
-- the same time a start precedes an end, then the lesser id precedes. So the result does not depend
-- on the order of rows.
SELECT
    session_id,
    teacher_id,
    event_type,
    event_time,
    LAG(event_type) OVER (PARTITION BY session_id ORDER BY event_time, event_type DESC, id) AS previous_type,
    LAG(event_time) OVER (PARTITION BY session_id ORDER BY event_time, event_type DESC, id) AS previous_time,
    LEAD(event_type) OVER (PARTITION BY session_id ORDER BY event_time, event_type DESC, id) AS next_type,
    LEAD(event_time) OVER (PARTITION BY session_id ORDER BY event_time, event_type DESC, id) AS next_time
FROM session_events
WHERE
    event_time >= :window_start
    AND event_time < :window_end
    AND event_type IN ('started', 'ended')
