"""`make bench`: the drain benchmark."""

from bench.command import run_benchmark
from bench.drain import main

if __name__ == "__main__":
    run_benchmark(main)
