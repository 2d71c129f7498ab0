-- Rows of an hour that were added or removed since a version.
(
    SELECT * FROM $table WHERE $in_hour
    EXCEPT ALL
    SELECT * FROM $table VERSION AS OF $version WHERE $in_hour
)
UNION ALL
(
    SELECT * FROM $table VERSION AS OF $version WHERE $in_hour
    EXCEPT ALL
    SELECT * FROM $table WHERE $in_hour
)
