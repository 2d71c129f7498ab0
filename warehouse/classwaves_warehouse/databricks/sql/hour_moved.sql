-- Rows of an hour that came or went since a version.
(
    SELECT * FROM $place WHERE $during
    EXCEPT ALL
    SELECT * FROM $place VERSION AS OF $version WHERE $during
)
UNION ALL
(
    SELECT * FROM $place VERSION AS OF $version WHERE $during
    EXCEPT ALL
    SELECT * FROM $place WHERE $during
)
