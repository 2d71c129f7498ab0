-- What follows each start until the session ends or starts again, and how much of it lies in the hour.
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
        -- An end that comes too late is somebody tidying up: the session was left behind long before.
        CASE
            WHEN next_type = 'ended' AND next_time <= event_time + INTERVAL $longest_hours HOURS THEN next_time
            WHEN next_time < event_time + INTERVAL $zombie_hours HOURS THEN next_time
            ELSE event_time + INTERVAL $zombie_hours HOURS
        END AS ends
    FROM boundaries
    WHERE event_type = 'started'
) AS every_stretch
WHERE starts < :hour_end
