-- Counts are summed, durations and rates are averaged. Decimal sums do not depend on the order of
-- rows.
WITH metrics AS (
    SELECT
        schools.school_id,
        educational_metrics.calculation_timestamp,
        CASE educational_metrics.metric_name
            WHEN 'prompts_generated' THEN 'prompts_generated'
            WHEN 'interventions' THEN 'interventions'
            WHEN 'alerts_generated' THEN 'alerts'
            WHEN 'ai_analyses_completed' THEN 'ai_analyses'
            WHEN 'ai_processing_time_ms' THEN 'ai_processing_time'
            WHEN 'ai_success_rate' THEN 'ai_success_rate'
        END AS fact,
        CAST(educational_metrics.metric_value AS DECIMAL(28, 4)) AS metric_value
    FROM educational_metrics
    INNER JOIN schools
        ON educational_metrics.session_id = schools.session_id
    WHERE
        educational_metrics.calculation_timestamp >= :hour
        AND educational_metrics.calculation_timestamp < :hour_end
        AND educational_metrics.session_id <> 'system'
        AND educational_metrics.metric_value IS NOT NULL
        AND schools.school_id IS NOT NULL
)

SELECT
    school_id,
    fact,
    CAST(NULL AS STRING) AS entity_id,
    CAST(SUM(metric_value) AS DOUBLE) AS amount,
    CAST(NULL AS DOUBLE) AS weight
FROM metrics
WHERE fact IN ('prompts_generated', 'interventions', 'alerts', 'ai_analyses')
GROUP BY school_id, fact
UNION ALL
SELECT
    school_id,
    fact,
    NULL AS entity_id,
    CAST(SUM(metric_value) AS DOUBLE) / COUNT(*) AS amount,
    CAST(COUNT(*) AS DOUBLE) AS weight
FROM metrics
WHERE fact IN ('ai_processing_time', 'ai_success_rate')
GROUP BY school_id, fact
UNION ALL
SELECT
    school_id,
    'as_of' AS fact,
    NULL AS entity_id,
    CAST(UNIX_MICROS(MAX(calculation_timestamp)) AS DOUBLE) AS amount,
    NULL AS weight
FROM metrics
WHERE fact IS NOT NULL
GROUP BY school_id
