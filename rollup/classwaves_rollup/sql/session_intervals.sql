-- An interval for each start: until the session ends or starts again. `microseconds` is its
-- duration within the hour.
SELECT
    session_id,
    teacher_id,
    starts,
    GREATEST(
        UNIX_MICROS(LEAST(ends, :hour_end)) - UNIX_MICROS(GREATEST(starts, :hour)),
        0
    ) AS microseconds
FROM (
    SELECT
        session_id,
        teacher_id,
        event_time AS starts,
        -- An end after the maximum duration is a clean-up of an abandoned session.
        CASE
            WHEN next_type = 'ended' AND next_time <= event_time + INTERVAL $max_duration_hours HOURS THEN next_time
            WHEN next_time < event_time + INTERVAL $assumed_duration_hours HOURS THEN next_time
            ELSE event_time + INTERVAL $assumed_duration_hours HOURS
        END AS ends
    FROM boundaries
    WHERE event_type = 'started'
) AS intervals
WHERE starts < :hour_end
