WITH completed AS (
    -- An end that only repeats the one before it says nothing new.
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
            OR boundaries.previous_time < boundaries.event_time - INTERVAL $longest_hours HOURS
        )
        AND schools.school_id IS NOT NULL
),

-- What pupils and leaders said, once for each session and pupil or group. It is the most that an hour has: a session is
-- carried through it as a number, and the join comes before the payload is looked into, since most of the window is about
-- sessions of other hours.
told AS (
    SELECT
        place,
        event_type = 'leader_ready' AS of_group,
        subject,
        MAX(CASE WHEN event_type = 'member_join' THEN event_time END) AS joined,
        MAX(CASE WHEN event_type = 'member_leave' AND event_time < :hour THEN event_time END) AS gone
    FROM (
        SELECT
            spans.place,
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
        INNER JOIN spans
            ON session_events.session_id = spans.session_id
        WHERE
            session_events.event_time >= :window_start
            AND session_events.event_time < :hour_end
            AND session_events.event_type IN ('leader_ready', 'member_join', 'member_leave')
    ) AS said
    -- Other ids of pupils than pseudonyms must not get into one more table.
    WHERE event_type = 'leader_ready' OR STARTSWITH(subject, 'p1_')
    GROUP BY place, event_type = 'leader_ready', subject
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
FROM spans
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
    spans.school_id,
    'teacher' AS fact,
    stretches.teacher_id AS entity_id,
    NULL AS amount,
    NULL AS weight
FROM stretches
INNER JOIN spans
    ON stretches.session_id = spans.session_id
WHERE stretches.microseconds > 0 AND stretches.teacher_id NOT IN ('', 'system')
UNION ALL
SELECT
    school_id,
    'student' AS fact,
    pupil AS entity_id,
    NULL AS amount,
    NULL AS weight
FROM (
    SELECT DISTINCT
        spans.school_id,
        told.subject AS pupil
    FROM told
    INNER JOIN spans
        ON told.place = spans.place
    WHERE NOT told.of_group AND told.joined IS NOT NULL AND (told.gone IS NULL OR told.gone <= told.joined)
) AS there
UNION ALL
-- Ready are some of the groups that there are: of a group that student_groups does not know there is nothing to say.
SELECT DISTINCT
    spans.school_id,
    'group_ready' AS fact,
    told.subject AS entity_id,
    NULL AS amount,
    NULL AS weight
FROM told
INNER JOIN spans
    ON told.place = spans.place
INNER JOIN student_groups
    ON spans.session_id = student_groups.session_id AND told.subject = student_groups.id
WHERE told.of_group
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
    SELECT session_id FROM spans
    UNION
    SELECT session_id FROM completed
    UNION
    SELECT session_id FROM prompts WHERE prompt_id IS NOT NULL
) AS counted
    ON schools.session_id = counted.session_id
GROUP BY schools.school_id
