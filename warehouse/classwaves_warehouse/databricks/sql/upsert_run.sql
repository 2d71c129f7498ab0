-- Insert an hour's run, or replace the expected one.
MERGE INTO $table AS stored
USING (SELECT $values) AS run
ON stored.metric_hour = run.metric_hour AND stored.$in_hour
WHEN MATCHED AND stored.run_id = :expected_run THEN UPDATE SET *
WHEN NOT MATCHED AND CAST(:expected_run AS STRING) IS NULL THEN INSERT *
