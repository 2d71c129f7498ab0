-- The sessions of a known school that are active in the hour, ranked, with their minutes in the
-- hour.
SELECT
    session_intervals.session_id,
    schools.school_id,
    ROW_NUMBER() OVER (ORDER BY session_intervals.session_id) AS rank,
    MIN(session_intervals.starts) AS starts,
    CAST(SUM(session_intervals.microseconds) AS DOUBLE) / 60000000 AS minutes
FROM session_intervals
INNER JOIN schools
    ON session_intervals.session_id = schools.session_id
WHERE schools.school_id IS NOT NULL
GROUP BY session_intervals.session_id, schools.school_id
HAVING SUM(session_intervals.microseconds) > 0
