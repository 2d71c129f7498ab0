"""The display of a run: a live view in a terminal, or report lines."""

import select
import shutil
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from textwrap import fill
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live

from demo.live_view import LiveView
from demo.proof import Proof
from demo.readings import History

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

    def announce(self, words: str, at: datetime | None = None) -> None:
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
            self.announce(
                f"sent {reading.sent:>7,}   stored {reading.ledger.rows:>7,}   lag {sum(reading.lags.values()):>6,}   "
                f"spooled {reading.spooled:>5,}   duplicates {reading.ledger.duplicates:>5,}   "
                f"dead dead_letters {sum(reading.ledger.dead_letters.values()):>5,}   "
                f"event → queryable {'?' if fresh is None else f'{fresh:.1f} s'}"
            )

    def proof(self, proof: Proof) -> None:
        """What was checked without the ingestor's own books, and how it came out."""
        self.announce("Checked with DuckDB against the producers' own journals:")
        for holds, words in proof.claims():
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


class Display(Protocol):
    """Is told what happens, and may press keys."""

    def announce(self, words: str) -> None:
        """Something has happened, or is about to."""

    def show(self, history: History) -> None:
        """There is a new reading."""

    def key(self) -> str:
        """A key that was pressed; empty if none was."""


class PlainDisplay:
    """Quiet lines in a report; nobody presses keys.

    Args:
        report: where they go.
    """

    def __init__(self, report: Report) -> None:
        self._report = report

    def announce(self, words: str) -> None:
        """See `Display`."""
        self._report.announce(words)

    def show(self, history: History) -> None:
        """See `Display`."""
        self._report.reading(history)

    def key(self) -> str:
        """See `Display`."""
        return ""


class LiveDisplay:
    """A live view of everything.

    Args:
        live: what is drawn on.
        keys: of the same terminal.
        product: which broker it is.
        begins: when the day begins.
        day_seconds: how long it takes.
    """

    def __init__(
        self, live: Live, keys: Keyboard, product: str, begins: datetime, day_seconds: float
    ) -> None:
        self._live = live
        self._keys = keys
        self._product = product
        self._begins = begins
        self._day_seconds = day_seconds
        self._history: History = History(())
        self.announced: list[tuple[datetime, str]] = []

    def announce(self, words: str) -> None:
        """See `Display`."""
        self.announced.append((datetime.now(UTC), words))
        self._draw()

    def show(self, history: History) -> None:
        """See `Display`."""
        self._history = history
        self._draw()

    def key(self) -> str:
        """See `Display`."""
        return self._keys.pressed()

    def _draw(self) -> None:
        view = LiveView(
            product=self._product,
            day_seconds=self._day_seconds,
            begins=self._begins,
            now=datetime.now(UTC),
            history=self._history,
            announced=self.announced,
            keys=self._keys.listens,
        )
        self._live.update(view, refresh=True)


@contextmanager
def open_display(
    report: Report, product: str, begins: datetime, day_seconds: float
) -> Iterator[Display]:
    """A live view if stdout is a terminal, else the report.

    What was announced on the screen is in the report afterwards.
    """
    if not sys.stdout.isatty():
        yield PlainDisplay(report)
        return
    with keyboard() as keys:
        live = Live(console=Console(), screen=True, auto_refresh=False)
        screen = LiveDisplay(live, keys, product, begins, day_seconds)
        try:
            with live:
                yield screen
        finally:
            for at, words in screen.announced:
                report.announce(words, at)
