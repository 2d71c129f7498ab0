"""The commands of `ingestor`, one a file."""
