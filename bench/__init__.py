"""Benchmarks. `python -m bench.NAME` runs one, `--help` lists its options and their variables."""
