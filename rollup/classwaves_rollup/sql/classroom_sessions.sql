-- A session that is not transcribed gives 0 minutes: that is known, while of a session that is not here nothing is.
SELECT
    spans.school_id,
    'transcription' AS fact,
    spans.session_id AS entity_id,
    MAX(CASE WHEN classroom_sessions.transcription_enabled THEN spans.minutes ELSE 0 END) AS amount,
    CAST(NULL AS DOUBLE) AS weight
FROM classroom_sessions
INNER JOIN spans
    ON classroom_sessions.id = spans.session_id
WHERE classroom_sessions.transcription_enabled IS NOT NULL
GROUP BY spans.school_id, spans.session_id
