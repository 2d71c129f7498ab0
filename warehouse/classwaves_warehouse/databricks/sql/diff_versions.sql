-- Rows of added files without those of removed files, and the reverse. A row that compaction
-- moved to another file is in both and cancels out. Rows are compared as JSON, since maps cannot
-- be compared.
WITH new_rows AS (
    SELECT $columns, to_json(struct(*)) AS row_json, _metadata.file_path AS file FROM $newer
),
old_rows AS (
    SELECT $columns, to_json(struct(*)) AS row_json, _metadata.file_path AS file
    FROM $table VERSION AS OF $version
),
added AS (
    SELECT $columns, row_json
    FROM new_rows
    LEFT ANTI JOIN (SELECT DISTINCT file FROM old_rows) AS files ON files.file = new_rows.file
),
removed AS (
    SELECT $columns, row_json
    FROM old_rows
    LEFT ANTI JOIN (SELECT DISTINCT file FROM new_rows) AS files ON files.file = old_rows.file
)
SELECT $columns FROM (SELECT * FROM added EXCEPT ALL SELECT * FROM removed)
UNION ALL
SELECT $columns FROM (SELECT * FROM removed EXCEPT ALL SELECT * FROM added)
