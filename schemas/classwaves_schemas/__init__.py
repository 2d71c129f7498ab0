"""The contracts of ClassWaves' session events: what a message may say, and what the tables look like."""
