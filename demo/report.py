"""What a person who watches is told."""

import shutil
import sys
from datetime import UTC, datetime
from textwrap import fill
from typing import TextIO

from demo.history import History
from demo.proof import Proof

_INDENT = " " * 10
_HEAD, _TAIL = 20, 6


class Report:
    """Plain lines with the time of day, as wide as the terminal, or 160 columns where there is none.

    Args:
        stream: where they go.
    """

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._width = (
            shutil.get_terminal_size(fallback=(160, 24)).columns if stream.isatty() else 160
        )

    @property
    def room(self) -> int:
        """The columns that a command may use."""
        return self._width - len(_INDENT)

    def say(self, words: str, at: datetime | None = None) -> None:
        """Something has happened, now or then, or is about to."""
        at = at or datetime.now(UTC)
        self._print(words, f"{at.astimezone():%H:%M:%S}  ", _INDENT)

    def show(self, text: str) -> None:
        """What a command wrote."""
        for line in text.rstrip().splitlines():
            print(f"{_INDENT}{line.rstrip()}", file=self._stream, flush=True)

    def excerpt(self, text: str) -> None:
        """What a command wrote at length: the first and the last lines, cut off where the room ends."""
        lines = [
            line if len(line) <= self.room else f"{line[: self.room - 1]}…"
            for line in text.rstrip().splitlines()
        ]
        left_out = len(lines) - _HEAD - _TAIL
        if left_out > 1:
            lines[_HEAD:-_TAIL] = [f"… {left_out} more lines …"]
        self.show("\n".join(lines))

    def reading(self, history: History) -> None:
        """The quiet line."""
        reading, fresh = history.latest, history.freshness(0.5)
        if reading is not None:
            self.say(
                f"sent {reading.sent:>7,}   stored {reading.ledger.rows:>7,}   lag {sum(reading.lags.values()):>6,}   "
                f"spooled {reading.spooled:>5,}   duplicates {reading.ledger.duplicates:>5,}   "
                f"dead letters {sum(reading.ledger.letters.values()):>5,}   "
                f"event → queryable {'?' if fresh is None else f'{fresh:.1f} s'}"
            )

    def proof(self, proof: Proof) -> None:
        """What was checked without the ingestor's own books, and how it came out."""
        self.say("Checked with DuckDB against the producers' own journals:")
        for holds, words in proof.sentences():
            self._print(words, f"{_INDENT}{'yes' if holds else 'NO '}  ", f"{_INDENT}     ")

    def _print(self, words: str, first: str, further: str) -> None:
        """Words that go on below themselves; a path or a command is not broken."""
        text = fill(
            words,
            self._width,
            initial_indent=first,
            subsequent_indent=further,
            break_long_words=False,
            break_on_hyphens=False,
        )
        print(text, file=self._stream, flush=True)
