"""Cursors: which offset each partition should deliver next, so that nothing is taken twice and no hole goes unseen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from classwaves_ingestor.broker.interface import Message, Polled


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of one partition that a poll covered.

    Args:
        position: the next offset after it.
        holes: offsets of it that were not delivered and never will be.
    """

    position: int
    holes: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """The messages of a poll that are wanted, and the stretch of each partition that they cover.

    Args:
        messages: in the order of the poll.
        spans: by partition; one that was not moved on is left out.
        stamped_ms: by partition, the timestamp of its last message, Unix milliseconds.
    """

    messages: Sequence[Message]
    spans: Mapping[int, Span]
    stamped_ms: Mapping[int, int]


class Cursors:
    """The next offset of each partition that is being read."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def place(self, partition: int, offset: int) -> None:
        """Read this partition from here; whatever it delivers below is old."""
        self._next[partition] = offset

    def remove(self, partition: int) -> None:
        """Read this partition no more; whatever it still delivers is not wanted."""
        self._next.pop(partition, None)

    def admit(self, polled: Polled) -> Arrived:
        """The wanted messages of a poll. Moves the cursors.

        A message below its cursor, or of a partition without one, was fetched before a rebalance or a new start: it is
        left out, and will come again to whoever owns it.
        """
        messages = polled.messages
        count = len(messages)
        partitions = np.fromiter(
            (each.partition() for each in messages), dtype=np.int32, count=count
        )
        offsets = np.fromiter((each.offset() for each in messages), dtype=np.int64, count=count)
        wanted = np.zeros(count, dtype=np.bool_)
        spans: dict[int, Span] = {}
        stamped_ms: dict[int, int] = {}
        for partition, cursor in self._next.items():
            mine = (partitions == partition) & (offsets >= cursor)
            delivered = int(np.count_nonzero(mine))
            reached = max(
                int(offsets[mine][-1]) + 1 if delivered else cursor,
                polled.ends.get(partition, cursor),
            )
            if reached > cursor:
                spans[partition] = Span(reached, reached - cursor - delivered)
                wanted |= mine
            if delivered:
                stamped_ms[partition] = messages[int(np.flatnonzero(mine)[-1])].timestamp()[1]
        for partition, span in spans.items():
            self._next[partition] = span.position
        if wanted.all():
            return Arrived(messages, spans, stamped_ms)
        return Arrived(
            [messages[place] for place in np.flatnonzero(wanted).tolist()], spans, stamped_ms
        )
