WITH completed AS (
    -- A repeated end does not complete the session again.
    SELECT DISTINCT
        boundaries.session_id,
        schools.school_id
    FROM boundaries
    INNER JOIN schools
        ON boundaries.session_id = schools.session_id
    WHERE
        boundaries.event_type = 'ended'
        AND boundaries.event_time >= :hour
        AND boundaries.event_time < :hour_end
        AND (
            boundaries.previous_type IS NULL
            OR boundaries.previous_type = 'started'
            OR boundaries.previous_time < boundaries.event_time - INTERVAL $max_duration_hours HOURS
        )
        AND schools.school_id IS NOT NULL
),

-- Events of pupils and leaders, one row for each session and pupil or group. An hour has more of
-- these than of any other kind. So a session is carried as its rank, a number, and the join
-- precedes the parsing of payloads: most events of the window are about sessions of other hours.
events AS (
    SELECT
        rank,
        event_type = 'leader_ready' AS of_group,
        subject,
        MAX(CASE WHEN event_type = 'member_join' THEN event_time END) AS joined_at,
        MAX(
            CASE WHEN event_type = 'member_leave' AND event_time < :hour THEN event_time END
        ) AS left_at
    FROM (
        SELECT
            active_minutes.rank,
            session_events.event_type,
            session_events.event_time,
            CASE
                WHEN session_events.event_type = 'leader_ready'
                    THEN get_json_object(session_events.payload, '$$.groupId')
                ELSE COALESCE(
                    get_json_object(session_events.payload, '$$.studentId'),
                    get_json_object(session_events.payload, '$$.userId')
                )
            END AS subject
        FROM session_events
        INNER JOIN active_minutes
            ON session_events.session_id = active_minutes.session_id
        WHERE
            session_events.event_time >= :window_start
            AND session_events.event_time < :hour_end
            AND session_events.event_type IN ('leader_ready', 'member_join', 'member_leave')
    ) AS parsed
    -- Only pseudonyms of pupils may be copied into another table.
    WHERE event_type = 'leader_ready' OR STARTSWITH(subject, 'p1_')
    GROUP BY rank, event_type = 'leader_ready', subject
),

prompts AS (
    SELECT DISTINCT
        schools.school_id,
        session_events.session_id,
        get_json_object(session_events.payload, '$$.promptId') AS prompt_id
    FROM session_events
    INNER JOIN schools
        ON session_events.session_id = schools.session_id
    WHERE
        session_events.event_time >= :hour
        AND session_events.event_time < :hour_end
        AND session_events.event_type = 'prompt_interaction'
        AND schools.school_id IS NOT NULL
        AND get_json_object(session_events.payload, '$$.action') = 'use'
)

SELECT
    school_id,
    'session' AS fact,
    session_id AS entity_id,
    minutes AS amount,
    CAST(NULL AS DOUBLE) AS weight
FROM active_minutes
UNION ALL
SELECT
    school_id,
    'session_completed' AS fact,
    session_id AS entity_id,
    NULL AS amount,
    NULL AS weight
FROM completed
UNION ALL
SELECT DISTINCT
    active_minutes.school_id,
    'teacher' AS fact,
    session_intervals.teacher_id AS entity_id,
    NULL AS amount,
    NULL AS weight
FROM session_intervals
INNER JOIN active_minutes
    ON session_intervals.session_id = active_minutes.session_id
WHERE session_intervals.microseconds > 0 AND session_intervals.teacher_id NOT IN ('', 'system')
UNION ALL
SELECT
    school_id,
    'student' AS fact,
    pupil AS entity_id,
    NULL AS amount,
    NULL AS weight
FROM (
    SELECT DISTINCT
        active_minutes.school_id,
        events.subject AS pupil
    FROM events
    INNER JOIN active_minutes
        ON events.rank = active_minutes.rank
    WHERE
        NOT events.of_group
        AND events.joined_at IS NOT NULL
        AND (events.left_at IS NULL OR events.left_at <= events.joined_at)
) AS present
UNION ALL
-- Only groups in student_groups count, so that no more groups can be ready than there are.
SELECT DISTINCT
    active_minutes.school_id,
    'group_ready' AS fact,
    events.subject AS entity_id,
    NULL AS amount,
    NULL AS weight
FROM events
INNER JOIN active_minutes
    ON events.rank = active_minutes.rank
INNER JOIN student_groups
    ON active_minutes.session_id = student_groups.session_id AND events.subject = student_groups.id
WHERE events.of_group
UNION ALL
SELECT DISTINCT
    school_id,
    'prompt_used' AS fact,
    prompt_id AS entity_id,
    NULL AS amount,
    NULL AS weight
FROM prompts
WHERE prompt_id IS NOT NULL
UNION ALL
SELECT
    schools.school_id,
    'as_of' AS fact,
    NULL AS entity_id,
    CAST(UNIX_MICROS(MAX(schools.as_of)) AS DOUBLE) AS amount,
    NULL AS weight
FROM schools
INNER JOIN (
    SELECT session_id FROM active_minutes
    UNION
    SELECT session_id FROM completed
    UNION
    SELECT session_id FROM prompts WHERE prompt_id IS NOT NULL
) AS counted
    ON schools.session_id = counted.session_id
GROUP BY schools.school_id
