SELECT *
FROM $table
WHERE
    ($in_hours)
    AND ($in_schools)
ORDER BY metric_hour, school_id
LIMIT :row_limit
