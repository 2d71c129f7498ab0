"""Up to when a partition is stored: the broker time from which the rollup knows that an hour is complete.

At a moment T the broker is asked for the end of the partition. Once the position has reached that end, everything that
was appended before T is stored, whatever timestamps the messages carry, and whether or not there was any message.
"""


class Freshness:
    """The latest question about each partition, and what may be claimed from its answer.

    Args:
        interval_ms: how often to ask about one partition.
    """

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._asked: dict[int, tuple[int, int]] = {}

    def due(self, partition: int, now_ms: int) -> bool:
        """Whether to ask the broker about this partition now."""
        return (
            partition not in self._asked or now_ms - self._asked[partition][0] >= self._interval_ms
        )

    def ended(self, partition: int, asked_ms: int, end: int) -> None:
        """Note that the partition's end was here when asked at this time (Unix milliseconds, before the question)."""
        self._asked[partition] = (asked_ms, end)

    def stored_until(self, partition: int, position: int) -> int | None:
        """The Unix millisecond up to which a partition with this position is stored, if the last answer tells."""
        if partition not in self._asked:
            return None
        asked_ms, end = self._asked[partition]
        return asked_ms if position >= end else None
