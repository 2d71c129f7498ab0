-- Insert the incoming rows whose identity is not stored, if every position is the expected one.
MERGE INTO session_events AS stored
USING (
  $incoming_rows
  WHERE NOT EXISTS ($unexpected_positions)
) AS incoming
ON $same_identity
WHEN NOT MATCHED THEN INSERT ($columns) VALUES ($incoming_columns)
