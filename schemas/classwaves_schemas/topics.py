"""The topics, and the headers that a dead letter adds."""

SESSION_EVENTS_TOPIC = "classwaves.session-events.v1"
DEAD_LETTER_TOPIC = f"{SESSION_EVENTS_TOPIC}.dead-letters"

DEAD_LETTER_HEADERS = {
    "dead-letter-reason": "A reject code.",
    "dead-letter-detail": "One sentence for a person; it quotes nothing of the message.",
    "dead-letter-topic": "The topic that the message was read from.",
    "dead-letter-topic-id": "That topic's id.",
    "dead-letter-partition": "The partition that it was read from.",
    "dead-letter-offset": "Its offset there.",
    "dead-letter-timestamp": "Its Kafka timestamp in milliseconds since 1970, UTC.",
    "dead-letter-contract-version": "The schema version that refused it.",
}
STUB_HEADERS = {
    "dead-letter-headers-omitted": (
        "`true`: the name of a header is not UTF-8, so the message's own headers are omitted."
    ),
    "dead-letter-stub": "`true`: the message is too large for this topic, so its value is omitted.",
    "dead-letter-size": "Bytes of the omitted value.",
    "dead-letter-sha256": "SHA-256 of the omitted value, in hex.",
}
