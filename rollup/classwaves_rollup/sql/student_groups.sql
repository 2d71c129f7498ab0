SELECT DISTINCT
    active_minutes.school_id,
    'group' AS fact,
    student_groups.id AS entity_id,
    CAST(NULL AS DOUBLE) AS amount,
    CAST(NULL AS DOUBLE) AS weight
FROM student_groups
INNER JOIN active_minutes
    ON student_groups.session_id = active_minutes.session_id
WHERE student_groups.id IS NOT NULL
