"""Finds the hours whose sources have changed since they were computed, and marks them dirty."""

from classwaves_rollup.late_data.scan import LateDataScan
from classwaves_rollup.late_data.search import find_dirty_hours, source_versions

__all__ = ["LateDataScan", "find_dirty_hours", "source_versions"]
