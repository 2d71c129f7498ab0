-- A session without transcription has 0 minutes. A session that is not in classroom_sessions has no
-- fact.
SELECT
    active_minutes.school_id,
    'transcription' AS fact,
    active_minutes.session_id AS entity_id,
    MAX(CASE WHEN classroom_sessions.transcription_enabled THEN active_minutes.minutes ELSE 0 END) AS amount,
    CAST(NULL AS DOUBLE) AS weight
FROM classroom_sessions
INNER JOIN active_minutes
    ON classroom_sessions.id = active_minutes.session_id
WHERE classroom_sessions.transcription_enabled IS NOT NULL
GROUP BY active_minutes.school_id, active_minutes.session_id
