CREATE TABLE IF NOT EXISTS classwaves.analytics.session_events (
  id STRING NOT NULL,
  session_id STRING NOT NULL,
  teacher_id STRING NOT NULL,
  event_type STRING NOT NULL,
  event_time TIMESTAMP NOT NULL,
  payload STRING,
  
  -- Metadata
  created_at TIMESTAMP
) USING DELTA
TBLPROPERTIES (
  'delta.autoOptimize.optimizeWrite' = 'true',
  'delta.autoOptimize.autoCompact' = 'true',
  'comment' = 'Detailed timeline of session lifecycle events for analytics and debugging'
)
