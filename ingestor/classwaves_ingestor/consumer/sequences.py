"""Gaps in the sequence numbers of arriving events (G3).

A source numbers the events of a session densely from 1. The timeline finds permanent gaps from the
rows. This watch sees only the events of one process, but soon enough for an alert.

Its memory is limited, so it forgets the sessions that had no event for longest. That costs counts
and nothing else: a forgotten session begins again at its next event, so a gap before that event is
not counted as skipped, and a late event is not counted as out of order.
"""

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_BYTES: Final = 4 * 1024 * 1024
"""Default limit: about 10,000 sessions with a gap each."""

_PAIR_BYTES: Final = 512
"""An upper bound of what a pair without gaps takes, in a table that has just doubled."""
_GAP_BYTES: Final = 176
"""An upper bound of what a gap takes: a range, its two numbers, and its place in a list."""


@dataclass(frozen=True, slots=True)
class SequenceFaults:
    """Sequence faults of one batch.

    Args:
        skipped: numbers missing between two that arrived.
        out_of_order: events that arrived late and closed such a gap.
    """

    skipped: int = 0
    out_of_order: int = 0


@dataclass(slots=True)
class _Seen:
    """The highest number, and the missing ones below it as ascending ranges."""

    highest: int
    gaps: list[range] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return _PAIR_BYTES + _GAP_BYTES * len(self.gaps)

    def close(self, number: int) -> bool:
        """Remove a number from the gaps; return whether it was in one."""
        at = bisect_right(self.gaps, number, key=lambda gap: gap.start) - 1
        if at < 0 or number not in self.gaps[at]:
            return False
        gap = self.gaps[at]
        rest = (range(gap.start, number), range(number + 1, gap.stop))
        self.gaps[at : at + 1] = [each for each in rest if each]
        return True


class SequenceWatch:
    """The highest number of each session and source, and the missing numbers below it.

    Args:
        max_bytes: limit of its memory.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        # A pair is known by its hash, since the names may be long. A collision, one in 10^11 with
        # these numbers, would miscount a gap.
        self._seen: OrderedDict[int, _Seen] = OrderedDict()

    @property
    def bytes(self) -> int:
        """An upper bound of the memory of all pairs."""
        return self._bytes

    def watch(self, rows: pa.Table) -> SequenceFaults:
        """Record rows in their order of arrival; repeats change nothing."""
        rows = rows.select(["session_id", "source", "sequence"]).drop_null().combine_chunks()
        if not rows.num_rows:
            return SequenceFaults()
        sessions, sources = (
            pc.dictionary_encode(rows.column(name)).combine_chunks()
            for name in rows.column_names[:2]
        )
        codes = (
            sessions.indices.to_numpy() * np.int64(len(sources.dictionary))
            + sources.indices.to_numpy()
        )
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        numbers = rows.column("sequence").to_numpy()[order]
        skipped = out_of_order = 0
        for first, arrived in zip(
            order[starts].tolist(), np.split(numbers, starts[1:]), strict=True
        ):
            pair = hash((sessions[first].as_py(), sources[first].as_py()))
            found = self._one_source(pair, arrived.tolist())
            skipped += found.skipped
            out_of_order += found.out_of_order
        return SequenceFaults(skipped, out_of_order)

    def _one_source(self, pair: int, numbers: list[int]) -> SequenceFaults:
        seen = self._seen.pop(pair, None)
        if seen is None:
            seen = _Seen(numbers[0] - 1)
        else:
            self._bytes -= seen.bytes
        skipped = out_of_order = 0
        for number in numbers:
            if number > seen.highest:
                if number > seen.highest + 1:
                    skipped += number - seen.highest - 1
                    seen.gaps.append(range(seen.highest + 1, number))
                seen.highest = number
            elif seen.close(number):
                out_of_order += 1
        self._remember(pair, seen)
        return SequenceFaults(skipped, out_of_order)

    def _remember(self, pair: int, seen: _Seen) -> None:
        """Make this the most recent pair, and forget others, or its oldest gaps, for it."""
        surplus = (seen.bytes - self._max_bytes) // _GAP_BYTES + 1
        if surplus > 0:
            del seen.gaps[:surplus]
        self._seen[pair] = seen
        self._bytes += seen.bytes
        while self._bytes > self._max_bytes:
            _, forgotten = self._seen.popitem(last=False)
            self._bytes -= forgotten.bytes
