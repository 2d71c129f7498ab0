"""The admin side of Kafka: what a topic is like, where it begins and ends, and its creation."""
