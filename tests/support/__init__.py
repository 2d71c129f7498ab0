"""Helpers of several tests: rows, events, and the behaviour suites of interfaces."""
