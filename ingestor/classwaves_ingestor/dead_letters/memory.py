"""Dead letters kept in the process, for tests of what writes them."""

from collections.abc import Sequence

from classwaves_ingestor.dead_letters.letter import Letter, stub


class MemoryDeadLetters:
    """See `DeadLetters`.

    Args:
        limit: bytes of the largest letter that it takes whole.
    """

    def __init__(self, limit: int = 1 << 20) -> None:
        self._limit = limit
        self.letters: list[Letter] = []

    def write(self, letters: Sequence[Letter]) -> None:
        """See `DeadLetters.write`."""
        self.letters += [each if each.bytes <= self._limit else stub(each) for each in letters]
