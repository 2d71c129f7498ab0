"""A dead-letter topic in memory, for tests."""

from collections.abc import Sequence

from classwaves_ingestor.dead_letters.dead_letter import DeadLetter, stub


class MemoryDeadLetterWriter:
    """The `DeadLetterWriter` in memory.

    Args:
        max_bytes: largest dead letter that is kept whole.
    """

    def __init__(self, max_bytes: int = 1 << 20) -> None:
        self._max_bytes = max_bytes
        self.dead_letters: list[DeadLetter] = []

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """See `DeadLetterWriter.write`."""
        self.dead_letters += [
            each if each.bytes <= self._max_bytes else stub(each) for each in dead_letters
        ]
