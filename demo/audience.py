"""Who watches a play: a person at a terminal, or a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live

from demo.history import History
from demo.keyboard import Keyboard, keyboard
from demo.report import Report
from demo.view import View


class Audience(Protocol):
    """Is told what happens, and may press keys."""

    def say(self, words: str) -> None:
        """Something has happened, or is about to."""

    def tell(self, history: History) -> None:
        """There is a new reading."""

    def key(self) -> str:
        """A key that was pressed; empty if none was."""


class Lines:
    """Quiet lines in a report; nobody presses keys.

    Args:
        report: where they go.
    """

    def __init__(self, report: Report) -> None:
        self._report = report

    def say(self, words: str) -> None:
        """See `Audience`."""
        self._report.say(words)

    def tell(self, history: History) -> None:
        """See `Audience`."""
        self._report.reading(history)

    def key(self) -> str:
        """See `Audience`."""
        return ""


class Screen:
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
        self.said: list[tuple[datetime, str]] = []

    def say(self, words: str) -> None:
        """See `Audience`."""
        self.said.append((datetime.now(UTC), words))
        self._draw()

    def tell(self, history: History) -> None:
        """See `Audience`."""
        self._history = history
        self._draw()

    def key(self) -> str:
        """See `Audience`."""
        return self._keys.pressed()

    def _draw(self) -> None:
        view = View(
            product=self._product,
            day_seconds=self._day_seconds,
            begins=self._begins,
            now=datetime.now(UTC),
            history=self._history,
            said=self.said,
            keys=self._keys.listens,
        )
        self._live.update(view, refresh=True)


@contextmanager
def audience(
    report: Report, product: str, begins: datetime, day_seconds: float
) -> Iterator[Audience]:
    """A live view if stdout is a terminal, else the report. What was said on the screen is in the report afterwards."""
    if not sys.stdout.isatty():
        yield Lines(report)
        return
    with keyboard() as keys:
        live = Live(console=Console(), screen=True, auto_refresh=False)
        screen = Screen(live, keys, product, begins, day_seconds)
        try:
            with live:
                yield screen
        finally:
            for at, words in screen.said:
                report.say(words, at)
