"""Single keys from a terminal, without waiting for Enter or for a key."""

import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Keyboard:
    """Keys as they are pressed.

    Args:
        source: a terminal, or anything else, which has no keys.
    """

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self.listens = source.isatty()

    def pressed(self) -> str:
        """The key that was pressed first since the last call; empty if none was."""
        if not self.listens or not select.select([self._source], [], [], 0)[0]:
            return ""
        return self._source.read(1)


@contextmanager
def keyboard(source: TextIO = sys.stdin) -> Iterator[Keyboard]:
    """A keyboard while the block runs. Ctrl-C stays a signal."""
    keys = Keyboard(source)
    if not keys.listens:
        yield keys
        return
    before = termios.tcgetattr(source)
    try:
        tty.setcbreak(source)
        yield keys
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)
