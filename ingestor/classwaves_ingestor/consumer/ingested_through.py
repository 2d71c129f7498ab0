"""The broker time through which a partition is ingested: the rollup's measure of complete hours.

The consumer requests a partition's end offset at time T. Once the position has reached that end,
every message appended before T is stored. This is independent of the messages' timestamps, and true
for partitions without messages.
"""


class IngestedThrough:
    """The latest end-offset request of each partition, and its time.

    Args:
        interval_ms: milliseconds between two requests for one partition.
    """

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._ends: dict[int, tuple[int, int]] = {}

    def due(self, partition: int, now_ms: int) -> bool:
        """Whether to request this partition's end offset at `now_ms` (Unix milliseconds)."""
        return partition not in self._ends or now_ms - self._ends[partition][0] >= self._interval_ms

    def record_end(self, partition: int, requested_ms: int, end: int) -> None:
        """Record an end offset that was requested at `requested_ms` (Unix milliseconds)."""
        self._ends[partition] = (requested_ms, end)

    def at(self, partition: int, position: int) -> int | None:
        """The Unix millisecond through which this position is ingested, or None if unknown."""
        if partition not in self._ends:
            return None
        requested_ms, end = self._ends[partition]
        return requested_ms if position >= end else None
