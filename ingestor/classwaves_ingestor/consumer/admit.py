"""The admit stage: no message is taken twice, and every hole in the offsets is counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from classwaves_ingestor.kafka.interface import Message, PollResult
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """The range of offsets of one partition that a poll covered.

    Args:
        position: the next offset after the range.
        holes: offsets of the range that were not delivered and never will be.
        leader_epoch: of the last message in the range; None without one.
    """

    position: int
    holes: OffsetSums = NO_OFFSETS
    leader_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class AdmittedMessages:
    """The messages of a poll that continue their partitions.

    Args:
        messages: in the order of the poll.
        ranges: by partition, the covered range; partitions without progress are left out.
        timestamps_ms: by partition, the timestamp of its last message, Unix milliseconds.
        append_times_ms: those of the timestamps that are a broker's time.
    """

    messages: Sequence[Message]
    ranges: Mapping[int, OffsetRange]
    timestamps_ms: Mapping[int, int]
    append_times_ms: Mapping[int, int] = field(default_factory=dict)


class OffsetTracker:
    """The next offset of each partition that is being read."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def start(self, partition: int, offset: int) -> None:
        """Track this partition from an offset; messages below it are stale."""
        self._next[partition] = offset

    def remove(self, partition: int) -> None:
        """Stop tracking this partition; all of its messages are stale."""
        self._next.pop(partition, None)

    def admit(self, result: PollResult) -> AdmittedMessages:
        """Drop the stale messages of a poll, count holes and advance.

        A message is stale if its partition is not tracked or its offset is below the next one: it
        was fetched before a rebalance or a restart, and the partition's owner reads it again.
        """
        messages = result.messages
        count = len(messages)
        partitions = np.fromiter(
            (each.partition() for each in messages), dtype=np.int32, count=count
        )
        offsets = np.fromiter((each.offset() for each in messages), dtype=np.int64, count=count)
        admitted = np.zeros(count, dtype=np.bool_)
        ranges: dict[int, OffsetRange] = {}
        timestamps_ms: dict[int, int] = {}
        append_times_ms: dict[int, int] = {}
        for partition, start in self._next.items():
            fresh = (partitions == partition) & (offsets >= start)
            delivered = offsets[fresh]
            last = messages[int(np.flatnonzero(fresh)[-1])] if len(delivered) else None
            position = max(
                start if last is None else last.offset() + 1,
                result.eof_offsets.get(partition, start),
            )
            if position > start:
                ranges[partition] = OffsetRange(
                    position,
                    _holes(start, position, delivered),
                    None if last is None else last.leader_epoch(),
                )
                admitted |= fresh
            if last is not None:
                kind, time_ms = last.timestamp()
                timestamps_ms[partition] = time_ms
                if kind == TIMESTAMP_LOG_APPEND_TIME:
                    append_times_ms[partition] = time_ms
        for partition, covered in ranges.items():
            self._next[partition] = covered.position
        if admitted.all():
            return AdmittedMessages(messages, ranges, timestamps_ms, append_times_ms)
        kept = [messages[index] for index in np.flatnonzero(admitted).tolist()]
        return AdmittedMessages(kept, ranges, timestamps_ms, append_times_ms)


def _holes(start: int, stop: int, delivered: npt.NDArray[np.int64]) -> OffsetSums:
    """The offsets of [start, stop) that were not delivered."""
    if len(delivered) == stop - start:
        return NO_OFFSETS
    return OffsetSums.of_range(start, stop) - OffsetSums.of(delivered)
