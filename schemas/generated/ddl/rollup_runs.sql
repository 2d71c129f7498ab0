CREATE TABLE IF NOT EXISTS classwaves.analytics.rollup_runs (
  metric_hour TIMESTAMP NOT NULL COMMENT 'Start of the hour',
  run_id STRING NOT NULL COMMENT 'Last run of the hour',
  state STRING NOT NULL COMMENT 'dirty, running, done or failed',
  started_at TIMESTAMP COMMENT 'Start of that run',
  finished_at TIMESTAMP COMMENT 'End of that run',
  complete BOOLEAN COMMENT 'Whether ingestion had passed the end of the hour when sources were read',
  facts BIGINT COMMENT 'Facts of the hour',
  hourly_rows BIGINT COMMENT 'Rows of the hour in dashboard_metrics_hourly',
  events_without_school BIGINT COMMENT 'Events of the hour that belong to no known school',
  source_versions STRING COMMENT 'Version of each present source, as JSON',
  examined_versions STRING COMMENT 'Version of each source up to which late data is marked, as JSON',
  code_version STRING COMMENT 'Version of the rollup\'s code',
  error STRING COMMENT 'Reason of the failure, or of the dirty state'
) USING DELTA
TBLPROPERTIES (
  'comment' = 'Run log of the rollup: state of each hour',
  'delta.isolationLevel' = 'Serializable',
  'delta.enableDeletionVectors' = 'false'
);
