-- The totals of the facts of one hour or of several. Each kind of fact is aggregated once and then
-- becomes columns. Distinct entities are counted over all hours together. Decimal sums do not
-- depend on the order of rows.
WITH by_fact AS (
    SELECT
        school_id,
        source,
        fact,
        COUNT(DISTINCT entity_id) AS entities,
        CAST(SUM(CAST(amount AS DECIMAL(28, 9))) AS DOUBLE) AS total,
        CAST(SUM(CAST(amount * weight AS DECIMAL(28, 9))) AS DOUBLE)
        / NULLIF(CAST(SUM(CAST(weight AS DECIMAL(28, 9))) AS DOUBLE), 0) AS mean,
        MAX(amount) AS greatest
    FROM rollup_facts_hourly
    WHERE metric_hour >= :hour AND metric_hour < :hour_end
    GROUP BY school_id, source, fact
)

SELECT
    school_id,
    CAST(COALESCE(MAX(entities) FILTER (WHERE fact = 'session'), 0) AS INT) AS sessions_active,
    CAST(COALESCE(MAX(entities) FILTER (WHERE fact = 'session_completed'), 0) AS INT) AS sessions_completed,
    CAST(COALESCE(MAX(entities) FILTER (WHERE fact = 'teacher'), 0) AS INT) AS teachers_active,
    CAST(MAX(entities) FILTER (WHERE fact = 'student') AS INT) AS students_active,
    CAST(MAX(entities) FILTER (WHERE fact = 'group') AS INT) AS total_groups,
    CASE
        WHEN COUNT(*) FILTER (WHERE fact = 'group') > 0
            THEN CAST(COALESCE(MAX(entities) FILTER (WHERE fact = 'group_ready'), 0) AS INT)
    END AS ready_groups,
    MAX(mean) FILTER (WHERE fact = 'quality') AS avg_session_quality,
    MAX(mean) FILTER (WHERE fact = 'engagement') AS avg_engagement_score,
    MAX(mean) FILTER (WHERE fact = 'participation') AS avg_participation_rate,
    MAX(mean) FILTER (WHERE fact = 'collaboration') AS avg_collaboration_score,
    CAST(NULL AS DOUBLE) AS avg_audio_quality,
    MAX(mean) FILTER (WHERE fact = 'connection') AS avg_connection_stability,
    TRY_CAST(MAX(total) FILTER (WHERE fact = 'error') AS INT) AS total_errors,
    MAX(mean) FILTER (WHERE fact = 'response_time') AS avg_response_time,
    CAST(NULL AS INT) AS websocket_connections,
    CAST(NULL AS DOUBLE) AS avg_latency_ms,
    MAX(mean) FILTER (WHERE fact = 'server_error') AS error_rate,
    TRY_CAST(ROUND(MAX(total) FILTER (WHERE fact = 'prompts_generated')) AS INT) AS total_prompts_generated,
    CASE
        WHEN COUNT(*) FILTER (WHERE source = 'session_events') > 0
            THEN CAST(COALESCE(MAX(entities) FILTER (WHERE fact = 'prompt_used'), 0) AS INT)
    END AS total_prompts_used,
    TRY_CAST(ROUND(MAX(total) FILTER (WHERE fact = 'interventions')) AS INT) AS total_interventions,
    TRY_CAST(ROUND(MAX(total) FILTER (WHERE fact = 'alerts')) AS INT) AS total_alerts,
    TRY_CAST(ROUND(MAX(total) FILTER (WHERE fact = 'ai_analyses')) AS INT) AS ai_analyses_completed,
    MAX(mean) FILTER (WHERE fact = 'ai_processing_time') AS avg_ai_processing_time,
    MAX(mean) FILTER (WHERE fact = 'ai_success_rate') AS ai_analysis_success_rate,
    MAX(total) FILTER (WHERE fact = 'transcription') AS total_transcription_minutes,
    MAX(total) FILTER (WHERE fact = 'session') * CAST(:storage_gb_per_minute AS DOUBLE) AS total_storage_gb,
    MAX(total) FILTER (WHERE fact = 'session') * CAST(:cost_per_minute AS DOUBLE) AS estimated_compute_cost,
    CAST(COUNT(DISTINCT source) AS INT) AS data_sources_count,
    :calculation_method AS calculation_method,
    -- The time of the newest source row. A double holds microseconds exactly until 2255.
    DATEADD(
        MICROSECOND,
        CAST(MAX(greatest) FILTER (WHERE fact = 'as_of') AS BIGINT),
        TIMESTAMP '1970-01-01 00:00:00Z'
    ) AS calculated_at
FROM by_fact
GROUP BY school_id
