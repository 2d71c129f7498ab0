"""The interface to the dead-letter topic."""

from collections.abc import Sequence
from typing import Protocol

from classwaves_ingestor.dead_letters.dead_letter import DeadLetter


class DeadLetterWriter(Protocol):
    """Writes to the dead-letter topic."""

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Return once the broker has acknowledged all; one that is too large becomes a stub.

        Raises:
            BrokerUnavailable: some are not acknowledged. Write all again; duplicates are possible.
            DeadLetterTopicTooSmall: not even a stub fits.
        """
        ...
