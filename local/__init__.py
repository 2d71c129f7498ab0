"""Real parts on one machine, for tests, the demo and trials; not installed."""
