CREATE TABLE IF NOT EXISTS classwaves.analytics.rollup_facts_hourly (
  metric_hour TIMESTAMP NOT NULL COMMENT 'Start of the hour',
  school_id STRING NOT NULL COMMENT 'The school',
  source STRING NOT NULL COMMENT 'Source table',
  fact STRING NOT NULL COMMENT 'Kind of fact',
  entity_id STRING COMMENT 'Session, teacher, pupil\'s pseudonym, group or prompt; NULL for sums',
  amount DOUBLE COMMENT 'Measured value; NULL if only the entity counts',
  weight DOUBLE COMMENT 'Weight of the value in a mean; NULL in sums and counts'
) USING DELTA
TBLPROPERTIES (
  'comment' = 'Facts of each hour, from which distinct counts over several hours stay exact',
  'delta.isolationLevel' = 'Serializable',
  'delta.enableDeletionVectors' = 'false'
);
