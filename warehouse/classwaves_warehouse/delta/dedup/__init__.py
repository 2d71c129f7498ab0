"""Deduplication against the table: identities in memory, on local disk, and beside the table."""
