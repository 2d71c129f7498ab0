SELECT
    CONCAT(school_id, '_', :hour_name) AS id,
    school_id,
    :hour AS metric_hour,
    $columns,
    :hour_end AS created_at
FROM totals
