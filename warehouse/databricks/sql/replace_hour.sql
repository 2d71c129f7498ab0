-- What the hour holds now is held against what it held when the sources were read: a statement that comes late, after
-- somebody else's, fails instead of bringing old rows back.
INSERT INTO $place REPLACE WHERE $during
WITH held AS (SELECT * FROM $place WHERE $during),
seen AS (SELECT * FROM $place VERSION AS OF $version WHERE $during),
moved AS (
    (SELECT * FROM held EXCEPT ALL SELECT * FROM seen)
    UNION ALL
    (SELECT * FROM seen EXCEPT ALL SELECT * FROM held)
)
SELECT $columns FROM (
$query
)
UNION ALL
SELECT $refused FROM moved
