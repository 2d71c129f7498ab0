"""Figures with their conditions, each by one command."""
