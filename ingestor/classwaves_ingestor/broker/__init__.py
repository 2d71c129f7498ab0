"""Kafka as the consumer sees it: a member of a consumer group, real (`kafka`) or in the process (`memory`)."""
