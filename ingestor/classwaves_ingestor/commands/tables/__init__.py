"""The commands of `ingestor tables`."""
