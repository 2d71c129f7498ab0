"""What several tests need: rows to store, and the behaviour that every warehouse owes."""
