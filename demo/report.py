"""What a person who watches is told."""

import shutil
import sys
from datetime import datetime
from typing import TextIO

from demo.gauge import Reading
from demo.proof import Proof

_INDENT = " " * 10
_HEAD, _TAIL = 20, 6


class Report:
    """Plain lines with the time of day.

    Arguments:
        stream: where they go.
    """

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream

    def say(self, words: str) -> None:
        """Something has happened, or is about to."""
        print(f"{datetime.now().astimezone():%H:%M:%S}  {words}", file=self._stream, flush=True)

    def show(self, text: str) -> None:
        """What a command wrote."""
        for line in text.rstrip().splitlines():
            print(f"{_INDENT}{line.rstrip()}", file=self._stream, flush=True)

    def excerpt(self, text: str) -> None:
        """What a command wrote at length: the first and the last lines, as wide as the terminal."""
        width = shutil.get_terminal_size(fallback=(160, 24)).columns - len(_INDENT)
        lines = [line if len(line) <= width else f"{line[: width - 1]}…" for line in text.rstrip().splitlines()]
        left_out = len(lines) - _HEAD - _TAIL
        if left_out > 1:
            lines[_HEAD:-_TAIL] = [f"… {left_out} more lines …"]
        self.show("\n".join(lines))

    def reading(self, reading: Reading) -> None:
        """The quiet line."""
        self.say(
            f"sent {reading.sent:>7,}   stored {reading.stored:>7,}   lag {reading.lag:>6,}   "
            f"duplicates {reading.duplicates:>5,}   dead letters {reading.dead_lettered:>5,}"
        )

    def proof(self, proof: Proof) -> None:
        """What was checked without the ingestor's own books, and how it came out."""
        self.say("Checked with DuckDB against the producers' own journals:")
        for holds, words in proof.sentences():
            self.show(f"{'yes' if holds else 'NO '}  {words}")
