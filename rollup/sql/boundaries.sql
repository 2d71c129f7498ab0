-- Each started and ended of the window beside its session's neighbours. At the same instant a start comes before an end.
SELECT
    session_id,
    teacher_id,
    event_type,
    event_time,
    LAG(event_type) OVER (PARTITION BY session_id ORDER BY event_time, event_type DESC) AS previous_type,
    LAG(event_time) OVER (PARTITION BY session_id ORDER BY event_time, event_type DESC) AS previous_time,
    LEAD(event_type) OVER (PARTITION BY session_id ORDER BY event_time, event_type DESC) AS next_type,
    LEAD(event_time) OVER (PARTITION BY session_id ORDER BY event_time, event_type DESC) AS next_time
FROM session_events
WHERE
    event_time >= :window_start
    AND event_time < :window_end
    AND event_type IN ('started', 'ended')
