"""Offsets as spans: a span is a `range` of neighbouring offsets."""

from collections.abc import Iterable, Iterator, Sequence


def spans(offsets: Iterable[int]) -> Iterator[range]:
    """The spans of ascending, distinct offsets."""
    return joined((range(offset, offset + 1) for offset in offsets), within=0)


def gaps(offsets: Sequence[int], start: int, end: int) -> Iterator[range]:
    """The spans of [start, end) that these ascending, distinct offsets of it leave out."""
    expected = start
    for offset in offsets:
        if offset > expected:
            yield range(expected, offset)
        expected = offset + 1
    if expected < end:
        yield range(expected, end)


def joined(pieces: Iterable[range], within: int) -> Iterator[range]:
    """Ascending spans, with those that lie at most `within` offsets apart made one."""
    run: range | None = None
    for piece in pieces:
        if run is not None and piece.start - run.stop <= within:
            run = range(run.start, piece.stop)
            continue
        if run is not None:
            yield run
        run = piece
    if run is not None:
        yield run


def text(pieces: Sequence[range], most: int = 20) -> str:
    """Spans for a person, as in "3-7, 9"; after `most` of them only how many follow."""
    shown = [
        str(each.start) if len(each) == 1 else f"{each.start}-{each.stop - 1}"
        for each in pieces[:most]
    ]
    rest = len(pieces) - len(shown)
    return ", ".join([*shown, f"and {rest} more spans"] if rest else shown)
