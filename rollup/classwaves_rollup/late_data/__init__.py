"""Finds the hours whose sources have changed since they were computed, and marks them dirty."""

from classwaves_rollup.late_data.scan import LateDataScan

__all__ = ["LateDataScan"]
