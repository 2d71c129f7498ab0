"""A school day that flows from producers through a real broker into a real table, and the proof that it arrived."""
