"""The Kafka side of the write path: a group consumer, topic administration and range reads."""
