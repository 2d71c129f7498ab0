CREATE TABLE IF NOT EXISTS classwaves.analytics.rollup_facts_hourly (
  metric_hour TIMESTAMP NOT NULL COMMENT 'Start of the hour',
  school_id STRING NOT NULL COMMENT 'The school',
  source STRING NOT NULL COMMENT 'The table that it comes from',
  fact STRING NOT NULL COMMENT 'What kind of fact',
  entity_id STRING COMMENT 'Session, teacher, pupil\'s pseudonym, group or prompt; NULL for sums',
  amount DOUBLE COMMENT 'The measured value; NULL where only the entity counts',
  weight DOUBLE COMMENT 'What the value weighs in a mean; NULL in sums and counts'
) USING DELTA
TBLPROPERTIES (
  'comment' = 'What each hour\'s metrics are made of, so that counts stay exact over any hours',
  'delta.isolationLevel' = 'Serializable',
  'delta.enableDeletionVectors' = 'false'
);
