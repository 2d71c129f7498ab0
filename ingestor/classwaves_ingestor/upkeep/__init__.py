"""Upkeep of the tables by a process beside the consumer."""
