"""The proof that nothing disappeared and nothing was stored twice, from topic, positions, counters and rows."""
