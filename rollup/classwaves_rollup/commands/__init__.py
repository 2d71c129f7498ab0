"""The commands of `rollup`, one a file."""
