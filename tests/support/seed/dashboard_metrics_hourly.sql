CREATE TABLE IF NOT EXISTS classwaves.analytics.dashboard_metrics_hourly (
  id STRING NOT NULL,
  school_id STRING NOT NULL,
  metric_hour TIMESTAMP NOT NULL,
  
  -- Active Session Metrics
  sessions_active INT,
  sessions_completed INT,
  teachers_active INT,
  students_active INT,
  total_groups INT,
  ready_groups INT,
  
  -- Quality Metrics (Hourly Averages)
  avg_session_quality DOUBLE,
  avg_engagement_score DOUBLE,
  avg_participation_rate DOUBLE,
  avg_collaboration_score DOUBLE,
  
  -- System Health (Hourly Averages)
  avg_audio_quality DOUBLE,
  avg_connection_stability DOUBLE,
  total_errors INT,
  avg_response_time DOUBLE,
  websocket_connections INT,
  avg_latency_ms DOUBLE,
  error_rate DOUBLE,
  
  -- Activity Metrics
  total_prompts_generated INT,
  total_prompts_used INT,
  total_interventions INT,
  total_alerts INT,
  
  -- AI Analysis Metrics
  ai_analyses_completed INT,
  avg_ai_processing_time DOUBLE,
  ai_analysis_success_rate DOUBLE,
  
  -- Resource Usage
  total_transcription_minutes DOUBLE,
  total_storage_gb DOUBLE,
  estimated_compute_cost DOUBLE,
  
  -- Metadata
  data_sources_count INT,
  calculation_method STRING,
  calculated_at TIMESTAMP,
  created_at TIMESTAMP
) USING DELTA
TBLPROPERTIES (
  'delta.autoOptimize.optimizeWrite' = 'true',
  'delta.autoOptimize.autoCompact' = 'true',
  'comment' = 'Hourly dashboard metrics for 90% query performance improvement'
)
