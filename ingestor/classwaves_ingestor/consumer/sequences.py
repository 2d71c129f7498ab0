"""Gaps in the sequence numbers of arriving events (G3).

A source numbers the events of a session densely from 1. The timeline finds permanent gaps from the
rows. This watch sees only the events of one process, but soon enough for an alert.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SOURCES = 20_000
_MISSING = 1_000


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
    highest: int
    missing: set[int] = field(default_factory=set)


class SequenceWatch:
    """The highest number of each session and source, and the missing numbers below it.

    Bounded: the 20,000 most recent pairs, and at most 1,000 missing numbers each.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

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
            pair = (sessions[first].as_py(), sources[first].as_py())
            found = self._one_source(pair, arrived.tolist())
            skipped += found.skipped
            out_of_order += found.out_of_order
        return SequenceFaults(skipped, out_of_order)

    def _one_source(self, pair: tuple[str, str], numbers: list[int]) -> SequenceFaults:
        seen = self._seen.setdefault(pair, _Seen(numbers[0] - 1))
        self._seen.move_to_end(pair)
        if len(self._seen) > _SOURCES:
            self._seen.popitem(last=False)
        skipped = out_of_order = 0
        for number in numbers:
            if number > seen.highest:
                between = number - seen.highest - 1
                skipped += between
                if len(seen.missing) + between <= _MISSING:
                    seen.missing.update(range(seen.highest + 1, number))
                seen.highest = number
            elif number in seen.missing:
                seen.missing.remove(number)
                out_of_order += 1
        return SequenceFaults(skipped, out_of_order)
