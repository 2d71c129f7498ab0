CREATE TABLE IF NOT EXISTS classwaves.analytics.rollup_runs (
  metric_hour TIMESTAMP NOT NULL COMMENT 'Start of the hour',
  run_id STRING NOT NULL COMMENT 'The last run that had to do with it',
  state STRING NOT NULL COMMENT 'dirty, running, done or failed',
  started_at TIMESTAMP COMMENT 'When that run began',
  finished_at TIMESTAMP COMMENT 'When it ended',
  complete BOOLEAN COMMENT 'Whether ingestion had passed the end of the hour when sources were read',
  facts BIGINT COMMENT 'Facts of the hour',
  hourly_rows BIGINT COMMENT 'Rows of the hour in dashboard_metrics_hourly',
  events_without_school BIGINT COMMENT 'Events of the hour that belong to no known school',
  source_versions STRING COMMENT 'Version of each source that was there to read, as JSON',
  examined_versions STRING COMMENT 'Version of each source up to which late changes are marked, as JSON',
  code_version STRING COMMENT 'Release of the rollup',
  error STRING COMMENT 'Why it failed, or why it is dirty'
) USING DELTA
TBLPROPERTIES (
  'comment' = 'What became of each hour of the rollup',
  'delta.isolationLevel' = 'Serializable',
  'delta.enableDeletionVectors' = 'false'
);
