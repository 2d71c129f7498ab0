SELECT DISTINCT
    spans.school_id,
    'group' AS fact,
    student_groups.id AS entity_id,
    CAST(NULL AS DOUBLE) AS amount,
    CAST(NULL AS DOUBLE) AS weight
FROM student_groups
INNER JOIN spans
    ON student_groups.session_id = spans.session_id
WHERE student_groups.id IS NOT NULL
