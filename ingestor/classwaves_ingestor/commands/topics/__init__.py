"""The commands of `ingestor topics`."""
