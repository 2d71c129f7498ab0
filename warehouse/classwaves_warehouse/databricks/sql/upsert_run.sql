MERGE INTO $place held
USING (SELECT $values) given
ON held.metric_hour = given.metric_hour AND held.$during
WHEN MATCHED AND held.run_id = :expected_run THEN UPDATE SET *
WHEN NOT MATCHED AND CAST(:expected_run AS STRING) IS NULL THEN INSERT *
