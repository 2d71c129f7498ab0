-- What the hour holds now is held against what it held when the sources were read: a statement that comes late, after
-- somebody else's, fails instead of bringing old rows back.
INSERT INTO $place REPLACE WHERE $during
SELECT $columns FROM (
$query
)
UNION ALL
SELECT $refused FROM (
$moved
) AS moved
