"""The broker time through which a partition is ingested: the rollup's measure of complete hours.

The consumer requests a partition's end (its high watermark) at broker time T. Once the position has
reached that end, every message that the brokers acknowledged before T is stored. This is
independent of the messages' timestamps, and true for partitions without messages.

Behind a steady lag the position reaches an end only after later ones were requested, so the ends
form a queue. An open transaction keeps the position below the end, and so the time from advancing.
"""

from dataclasses import dataclass, field

_MAX_ENDS = 128


@dataclass(slots=True)
class _PartitionEnds:
    """The ends of a partition that its position has not reached.

    Args:
        through_ms: the time through which the partition is ingested.
        requested_at: when the last end was requested, in monotonic seconds.
        ends: (broker time before the request, end) in the order of the requests.
    """

    through_ms: int | None = None
    requested_at: float | None = None
    ends: list[tuple[int, int]] = field(default_factory=list)

    def add(self, time_ms: int, end: int) -> None:
        if self.ends and self.ends[-1][1] == end:
            self.ends.pop()
        self.ends.append((time_ms, end))
        if len(self.ends) > _MAX_ENDS:
            # The oldest end and the newest one stay. Without some in between the time advances in
            # larger steps.
            del self.ends[1::2]

    def reach(self, position: int) -> None:
        reached = [index for index, (_, end) in enumerate(self.ends) if end <= position]
        if reached:
            passed = self.ends[: reached[-1] + 1]
            del self.ends[: len(passed)]
            self.through_ms = max(self.through_ms or 0, *(time_ms for time_ms, _ in passed))

    def forget_after(self, limit_ms: int) -> None:
        self.ends = [each for each in self.ends if each[0] <= limit_ms]
        if self.through_ms is not None and self.through_ms > limit_ms:
            self.through_ms = None


class IngestedThrough:
    """The time through which each partition is ingested, and the ends that are not reached yet.

    Args:
        interval: seconds between two requests for the end of one partition.
        skew_ms: the largest difference between the clocks of two brokers. No time is later than
            this long before its request; a time that is further in the future is wrong.
    """

    def __init__(self, interval: float, skew_ms: int) -> None:
        self._interval = interval
        self._skew_ms = skew_ms
        self._partitions: dict[int, _PartitionEnds] = {}

    def restore(self, partition: int, through_ms: int | None) -> None:
        """Continue from the time that the table has with the partition's position."""
        self._partitions.setdefault(partition, _PartitionEnds()).through_ms = through_ms

    def due(self, partition: int, at: float) -> bool:
        """Whether to request this partition's end at this monotonic second."""
        known = self._partitions.get(partition)
        return (
            known is None or known.requested_at is None or at - known.requested_at >= self._interval
        )

    def record_end(self, partition: int, end: int, now_ms: int, at: float) -> None:
        """Record an end offset.

        Args:
            partition: partition number.
            end: the high watermark.
            now_ms: broker time before the request, in Unix milliseconds.
            at: the monotonic second before the request.
        """
        known = self._partitions.setdefault(partition, _PartitionEnds())
        known.requested_at = at
        known.add(now_ms - self._skew_ms, end)

    def advance_to(self, partition: int, position: int, now_ms: int | None) -> int | None:
        """Pass the ends up to this position, and return the time through which it is ingested.

        Args:
            partition: partition number.
            position: the next offset to store. It never decreases between two calls of `restore`.
            now_ms: broker time, or None if unknown. Later times are forgotten: whichever clock
                they came from, it was ahead.

        Returns:
            Unix milliseconds, or None if unknown.
        """
        known = self._partitions.setdefault(partition, _PartitionEnds())
        if now_ms is not None:
            known.forget_after(now_ms + self._skew_ms)
        known.reach(position)
        return known.through_ms
