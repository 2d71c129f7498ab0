"""The broker time through which a partition is ingested: the rollup's measure of complete hours.

The consumer asks the broker for a partition's end at time T. Once the position has reached that
end, every message appended before T is stored. That holds for any message timestamps and for
partitions without messages.
"""


class IngestedThrough:
    """The latest end-offset request of each partition, and the time that its answer proves.

    Args:
        interval_ms: milliseconds between two requests for one partition.
    """

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._ends: dict[int, tuple[int, int]] = {}

    def due(self, partition: int, now_ms: int) -> bool:
        """Whether to ask the broker for this partition's end now (Unix milliseconds)."""
        return partition not in self._ends or now_ms - self._ends[partition][0] >= self._interval_ms

    def record_end(self, partition: int, asked_ms: int, end: int) -> None:
        """Record the broker's answer. `asked_ms` is the Unix millisecond before the request."""
        self._ends[partition] = (asked_ms, end)

    def at(self, partition: int, position: int) -> int | None:
        """The Unix millisecond through which this position is ingested, or None if unknown."""
        if partition not in self._ends:
            return None
        asked_ms, end = self._ends[partition]
        return asked_ms if position >= end else None
