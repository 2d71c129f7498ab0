-- The sessions of a known school that are under way in the hour, numbered, and for how long.
SELECT
    stretches.session_id,
    schools.school_id,
    ROW_NUMBER() OVER (ORDER BY stretches.session_id) AS place,
    MIN(stretches.starts) AS starts,
    CAST(SUM(stretches.microseconds) AS DOUBLE) / 60000000 AS minutes
FROM stretches
INNER JOIN schools
    ON stretches.session_id = schools.session_id
WHERE schools.school_id IS NOT NULL
GROUP BY stretches.session_id, schools.school_id
HAVING SUM(stretches.microseconds) > 0
