"""Where dead letters go."""

from collections.abc import Sequence
from typing import Protocol

from classwaves_ingestor.dead_letters.letter import Letter


class DeadLetters(Protocol):
    """The dead-letter topic, for writing."""

    def write(self, letters: Sequence[Letter]) -> None:
        """Return once the broker has acknowledged every letter; a letter that it finds too large goes as a stub.

        Raises:
            BrokerUnavailable: not all are acknowledged; write them all again (a letter may then be there twice).
            DeadLetterTopicTooSmall: not even a stub fits.
        """
        ...
