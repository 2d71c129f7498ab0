"""Events that a source numbered and that are not there: data about the data, pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers of a source, both ends included, that lie between two that are there."""

    source: str
    first: int
    last: int


def gaps(numbered: Iterable[tuple[str | None, int | None]]) -> Iterator[Gap]:
    """The interior gaps of each source, by source and sequence.

    What lies before the first number and after the last is no gap: the source may have begun in another session's
    time, and more may be on its way.

    Args:
        numbered: source and sequence of each event in any order; events that lack one of them tell nothing.
    """
    sequences: dict[str, set[int]] = defaultdict(set)
    for source, sequence in numbered:
        if source is not None and sequence is not None:
            sequences[source].add(sequence)
    for source in sorted(sequences):
        for before, after in pairwise(sorted(sequences[source])):
            if after - before > 1:
                yield Gap(source, before + 1, after - 1)
