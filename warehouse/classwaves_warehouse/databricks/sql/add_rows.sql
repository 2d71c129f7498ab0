-- Insert the offered rows whose identity is not stored, if every partition stands where its owner believes.
MERGE INTO session_events AS stored
USING (
  $offered
  WHERE NOT EXISTS ($moved)
) AS offered
ON $same_identity
WHEN NOT MATCHED THEN INSERT ($columns) VALUES ($offered_columns)
