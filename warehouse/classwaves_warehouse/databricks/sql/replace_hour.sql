-- The second part compares the hour with the version from which the sources were read. If another
-- run has written it since, this statement fails, even if it is executed late, instead of
-- restoring old rows.
INSERT INTO $table REPLACE WHERE $in_hour
SELECT $columns FROM (
$query
)
UNION ALL
SELECT $failing_row FROM (
$changed_rows
) AS changed_rows
