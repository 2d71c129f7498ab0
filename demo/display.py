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
    """Plain lines with the time of day, as wide as the terminal, or 160 columns without one.

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
        """Columns available for the output of a command."""
        return self._width - len(_INDENT)

    def announce(self, words: str, at: datetime | None = None) -> None:
        """Print a line with its time; the default is now."""
        at = at or datetime.now(UTC)
        self._print(words, f"{at.astimezone():%H:%M:%S}  ", _INDENT)

    def show(self, text: str) -> None:
        """Print the output of a command."""
        for line in text.rstrip().splitlines():
            print(f"{_INDENT}{line.rstrip()}", file=self._stream, flush=True)

    def excerpt(self, text: str) -> None:
        """Print the first and last lines of a long output, truncated to the width."""
        lines = [
            line if len(line) <= self.room else f"{line[: self.room - 1]}…"
            for line in text.rstrip().splitlines()
        ]
        left_out = len(lines) - _HEAD - _TAIL
        if left_out > 1:
            lines[_HEAD:-_TAIL] = [f"… {left_out} more lines …"]
        self.show("\n".join(lines))

    def reading(self, history: History) -> None:
        """Print the latest reading in one line."""
        reading, fresh, slow = history.latest, history.freshness(0.5), history.freshness(0.99)
        if reading is not None:
            self.announce(
                f"sent {reading.sent:>7,}  stored {reading.ledger.rows:>7,}  "
                f"lag {sum(reading.lags.values()):>6,}  "
                f"spooled {reading.spooled:>5,}  duplicates {reading.ledger.duplicates:>5,}  "
                f"dead letters {sum(reading.ledger.dead_letters.values()):>5,}  "
                f"event → queryable p50 {_seconds(fresh)} p99 {_seconds(slow)}, "
                f"faults {_seconds(history.longest_in_outage)}"
            )

    def proof(self, proof: Proof) -> None:
        """Print the result of each check."""
        self.announce("Checked with DuckDB against the producers' own journals:")
        for holds, words in proof.claims():
            self._print(words, f"{_INDENT}{'yes' if holds else 'NO '}  ", f"{_INDENT}     ")

    def _print(self, words: str, first: str, further: str) -> None:
        """Print wrapped text; paths and commands are not broken."""
        text = fill(
            words,
            self._width,
            initial_indent=first,
            subsequent_indent=further,
            break_long_words=False,
            break_on_hyphens=False,
        )
        print(text, file=self._stream, flush=True)


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f} s"


class Keyboard:
    """Keys as they are pressed.

    Args:
        source: a terminal, or anything else, which has no keys.
    """

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self.listens = source.isatty()

    def pressed(self) -> str:
        """Return the next pressed key; empty without one."""
        if not self.listens or not select.select([self._source], [], [], 0)[0]:
            return ""
        return self._source.read(1)


@contextmanager
def keyboard(source: TextIO = sys.stdin) -> Iterator[Keyboard]:
    """Yield a keyboard. Ctrl-C remains a signal."""
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
    """Displays a run, and returns pressed keys."""

    def announce(self, words: str) -> None:
        """Display one line about an event."""

    def show(self, history: History) -> None:
        """Display a new reading."""

    def key(self) -> str:
        """Return the next pressed key; empty without one."""


class PlainDisplay:
    """Report lines without keys.

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
    """A live view in a terminal.

    Args:
        live: the terminal.
        keys: of the same terminal.
        product: of the broker, with its version.
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
        self._history: History = History()
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
