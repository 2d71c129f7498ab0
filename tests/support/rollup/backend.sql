-- The backend's rollup in DuckDB's dialect, from the description of its bugs: the same joins,
-- expressions and constants.
WITH clock AS (SELECT date_trunc('hour', $now - INTERVAL 1 HOUR) AS h)
SELECT
    cs.school_id,
    cs.school_id || '_' || strftime(any_value(h), '%Y-%m-%d-%H') AS id,
    any_value(h) AS metric_hour,
    count(DISTINCT CASE WHEN cs.status = 'active' THEN cs.id END) AS sessions_active,
    count(DISTINCT CASE WHEN cs.status = 'ended' AND cs.updated_at >= h AND cs.updated_at < h + INTERVAL 1 HOUR
        THEN cs.id END) AS sessions_completed,
    count(DISTINCT cs.teacher_id) AS teachers_active,
    sum(coalesce(sm.total_students, cs.total_students, 0)) AS students_active,
    count(DISTINCT gm.group_id) AS total_groups,
    count(DISTINCT CASE WHEN sg.is_ready THEN gm.group_id END) AS ready_groups,
    avg(sm.overall_engagement_score) AS avg_session_quality,
    avg(sm.overall_engagement_score) AS avg_engagement_score,
    avg(sm.participation_rate) AS avg_participation_rate,
    avg(gm.turn_taking_score) AS avg_collaboration_score,
    coalesce(avg(sm.average_connection_quality), 95.0) AS avg_audio_quality,
    coalesce(avg(sm.average_connection_quality), 98.5) AS avg_connection_stability,
    sum(coalesce(sm.technical_issues_count, 0)) AS total_errors,
    150.0 AS avg_response_time,
    count(DISTINCT cs.id) * 25 AS websocket_connections,
    125.0 AS avg_latency_ms,
    CASE WHEN sum(sm.technical_issues_count) > 0
        THEN sum(sm.technical_issues_count) / count(DISTINCT cs.id) * 0.01 ELSE 0.01 END AS error_rate,
    sum(CASE WHEN em.metric_name = 'prompts_generated' THEN em.metric_value ELSE 0 END) AS total_prompts_generated,
    coalesce(avg(CASE WHEN em.metric_name = 'ai_success_rate' THEN em.metric_value END), 95.0)
        AS ai_analysis_success_rate,
    sum(CASE WHEN cs.actual_start IS NOT NULL THEN date_sub('minute', cs.actual_start, cs.updated_at) ELSE 30 END)
        AS total_transcription_minutes
FROM classroom_sessions AS cs
CROSS JOIN clock
LEFT JOIN session_metrics AS sm
    ON cs.id = sm.session_id AND sm.created_at >= h AND sm.created_at < h + INTERVAL 1 HOUR
LEFT JOIN group_metrics AS gm
    ON cs.id = gm.session_id AND gm.created_at >= h AND gm.created_at < h + INTERVAL 1 HOUR
LEFT JOIN student_groups AS sg
    ON gm.group_id = sg.id
LEFT JOIN educational_metrics AS em
    ON cs.id = em.session_id
    AND em.calculation_timestamp >= h AND em.calculation_timestamp < h + INTERVAL 1 HOUR
WHERE cs.created_at <= h + INTERVAL 1 HOUR AND (cs.updated_at >= h OR cs.status IN ('active', 'started'))
GROUP BY cs.school_id
