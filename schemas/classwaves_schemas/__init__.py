"""The contracts of ClassWaves' session events: messages and tables."""
