"""The commands of `ingestor`."""
