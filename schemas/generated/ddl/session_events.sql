CREATE TABLE IF NOT EXISTS classwaves.analytics.session_events (
  id STRING NOT NULL COMMENT 'Event id, minted once by the producer',
  session_id STRING NOT NULL COMMENT 'The session',
  teacher_id STRING NOT NULL COMMENT 'Who owns the session',
  event_type STRING NOT NULL COMMENT 'What happened',
  event_time TIMESTAMP NOT NULL COMMENT 'When it happened',
  payload STRING COMMENT 'Declared fields of the event type, as JSON',
  created_at TIMESTAMP COMMENT 'When the ingestor decoded the event; the row was committed later',
  school_id STRING COMMENT 'The school of the session',
  source STRING COMMENT 'Component and instance that emitted it',
  sequence BIGINT COMMENT 'Dense from 1 per session and source',
  schema_version INT COMMENT 'Version of the contract that the message named',
  trace_id STRING COMMENT 'The request or socket message that caused it',
  kafka_topic_id STRING COMMENT 'The topic it was read from, by id',
  kafka_partition INT COMMENT 'The partition it was read from',
  kafka_offset BIGINT COMMENT 'The offset it was read from'
) USING DELTA
TBLPROPERTIES (
  'delta.autoOptimize.optimizeWrite' = 'true',
  'delta.autoOptimize.autoCompact' = 'true',
  'comment' = 'Detailed timeline of session lifecycle events for analytics and debugging',
  'delta.isolationLevel' = 'Serializable',
  'delta.enableDeletionVectors' = 'false'
);
