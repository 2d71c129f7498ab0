-- Rows of files that came, without those of files that went, and the other way round: what was only put together in
-- other files is in both. Whole rows are compared as text, because maps cannot be compared.
WITH now AS (SELECT $columns, to_json(struct(*)) AS whole, _metadata.file_path AS file FROM $place),
before AS (
    SELECT $columns, to_json(struct(*)) AS whole, _metadata.file_path AS file FROM $place VERSION AS OF $version
),
came AS (
    SELECT $columns, whole FROM now LEFT ANTI JOIN (SELECT DISTINCT file FROM before) AS files ON files.file = now.file
),
gone AS (
    SELECT $columns, whole FROM before LEFT ANTI JOIN (SELECT DISTINCT file FROM now) AS files ON files.file = before.file
)
SELECT $columns FROM (SELECT * FROM came EXCEPT ALL SELECT * FROM gone)
UNION ALL
SELECT $columns FROM (SELECT * FROM gone EXCEPT ALL SELECT * FROM came)
