"""Rewriting small data files as larger ones, and the sidecars beside them."""
