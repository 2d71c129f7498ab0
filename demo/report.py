"""What a person who watches is told."""

import sys
from datetime import datetime
from typing import TextIO

from demo.gauge import Reading
from demo.proof import Proof

_HEAD, _TAIL = 24, 6


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
        """What a command wrote; the middle of a long text is left out."""
        lines = text.rstrip().splitlines()
        left_out = len(lines) - _HEAD - _TAIL
        if left_out > 1:
            lines[_HEAD:-_TAIL] = [f"… {left_out} more lines …"]
        print("\n".join(f"          {line}" for line in lines), file=self._stream, flush=True)

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
