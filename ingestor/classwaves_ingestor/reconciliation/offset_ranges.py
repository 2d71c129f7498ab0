"""Sets of offsets as ascending ranges of consecutive offsets."""

from collections.abc import Iterable, Iterator, Sequence


def to_ranges(offsets: Iterable[int]) -> Iterator[range]:
    """The ranges of ascending, distinct offsets."""
    return join((range(offset, offset + 1) for offset in offsets), within=0)


def gaps(offsets: Sequence[int], start: int, end: int) -> Iterator[range]:
    """The ranges of [start, end) without these ascending, distinct offsets."""
    expected = start
    for offset in offsets:
        if offset > expected:
            yield range(expected, offset)
        expected = offset + 1
    if expected < end:
        yield range(expected, end)


def join(pieces: Iterable[range], within: int) -> Iterator[range]:
    """Join ascending ranges that are at most `within` offsets apart."""
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


def format_ranges(pieces: Sequence[range], most: int = 20) -> str:
    """Format ranges, as in "3-7, 9"; after `most` of them only the number of the rest."""
    shown = [
        str(each.start) if len(each) == 1 else f"{each.start}-{each.stop - 1}"
        for each in pieces[:most]
    ]
    rest = len(pieces) - len(shown)
    return ", ".join([*shown, f"and {rest} more ranges"] if rest else shown)
