"""The commands of `analytics`, one a file."""
