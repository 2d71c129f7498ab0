-- A comparison with NULL is NULL; then only a value that is not NULL comes after.
SELECT *
FROM session_events
WHERE
    session_id = :session_id
    AND (
        :from_start
        OR event_time > :after_time
        OR (
            event_time = :after_time
            AND (
                COALESCE(source > CAST(:after_source AS STRING), source IS NOT NULL)
                OR (
                    source <=> CAST(:after_source AS STRING)
                    AND (
                        COALESCE(
                            sequence > CAST(:after_sequence AS BIGINT), sequence IS NOT NULL
                        )
                        OR (
                            sequence <=> CAST(:after_sequence AS BIGINT)
                            AND id > :after_id
                        )
                    )
                )
            )
        )
    )
ORDER BY
    event_time ASC NULLS FIRST,
    source ASC NULLS FIRST,
    sequence ASC NULLS FIRST,
    id ASC NULLS FIRST
LIMIT :row_limit
