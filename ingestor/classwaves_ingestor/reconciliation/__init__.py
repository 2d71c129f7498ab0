"""Reconciliation: the proof that nothing is missing or stored twice, from topic and table."""
