"""The live view: one screen, rendered from the latest readings.

Fits 80 columns and 24 lines, and uses more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from demo.readings import History, PodReading, Reading, State, spark

_STYLES = {
    State.READY: "green",
    State.RUNNING: "green",
    State.WAITING: "yellow",
    State.SILENT: "yellow",
    State.DOWN: "bold red",
    State.DONE: "dim",
}
_KEYS = (("c", "kill consumer"), ("p", "kill producer"), ("b", "kill broker"), ("q", "end the day"))
_NUMBER = 9
_LAG_BAR = 8  # on 80 columns
_NAME = 20


@dataclass(frozen=True)
class LiveView:
    """The content of the screen.

    Args:
        product: of the broker, with its version.
        day_seconds: how long the day takes.
        begins: when it began.
        now: the time.
        history: the readings.
        announced: log lines with their times, oldest first.
        keys: whether keys are handled.
    """

    product: str
    day_seconds: float
    begins: datetime
    now: datetime
    history: History
    announced: Sequence[tuple[datetime, str]]
    keys: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Fill the terminal; the log takes the remaining lines."""
        width, height = options.max_width, options.height or options.size.height
        reading = self.history.latest
        body: list[RenderableType] = [self._head(width), Rule(style="dim")]
        if reading is not None:
            body += [
                self._rates(reading, width),
                Rule(style="dim"),
                _pods_and_lags(reading, _LAG_BAR + (width - 80) // 2),
            ]
            body += [Rule(style="dim"), self._outcome(reading, width)]
        body.append(Rule("log", align="left", style="dim"))
        used = sum(len(console.render_lines(part, options.update(height=None))) for part in body)
        yield from body
        yield self._log(height - used - 1)
        yield _keys() if self.keys else Text("Ctrl-C stops", style="dim")

    def _head(self, width: int) -> Table:
        seconds = min(max((self.now - self.begins).total_seconds(), 0.0), self.day_seconds)
        label = (
            f"{seconds:.0f} of {self.day_seconds:.0f} s"
            if seconds < self.day_seconds
            else "over, storing the rest"
        )
        head = Table.grid(expand=True)
        head.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        head.add_column(justify="right", no_wrap=True)
        up = self.history.latest is None or self.history.latest.broker_up
        broker = Text.assemble(self.product, "  ", ("up", "green") if up else ("DOWN", "bold red"))
        head.add_row(Text("A school day", style="bold"), label)
        head.add_row(broker, _bar(seconds / self.day_seconds, min(width // 3, 30)))
        return head

    def _rates(self, reading: Reading, width: int) -> Table:
        rows = [
            ("emitted by SDK", reading.emitted, self.history.rates(lambda each: each.emitted)),
            ("sent to topic", reading.sent, self.history.rates(lambda each: each.sent)),
            (
                "stored in table",
                reading.ledger.rows,
                self.history.rates(lambda each: each.ledger.rows),
            ),
        ]
        bars = width - 16 - 2 * (_NUMBER + 2)
        top = max((max(rates[-bars:], default=0.0) for _, _, rates in rows), default=0.0)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=15)
        table.add_column(width=_NUMBER, justify="right", style="bold")
        table.add_column(width=_NUMBER, justify="right", style="bold")
        table.add_column(style="cyan", no_wrap=True)
        table.add_row("", Text("so far", style="dim"), Text("a second", style="dim"))
        for name, total, rates in rows:
            table.add_row(
                name, f"{total:,}", f"{rates[-1] if rates else 0:,.0f}", spark(rates, bars, top)
            )
        return table

    def _outcome(self, reading: Reading, width: int) -> Text:
        fresh, slow = self.history.freshness(0.5), self.history.freshness(0.99)
        duplicates = f"{reading.ledger.duplicates:,}"
        dead_letters = f"{sum(reading.ledger.dead_letters.values()):,}"
        left = width - len(duplicates) - len(dead_letters) - 28
        return Text.assemble(
            "event → queryable  p50 ",
            (_seconds(fresh), "bold"),
            "  p99 ",
            (_seconds(slow), "bold"),
            "  in faults up to ",
            (_seconds(self.history.longest_in_outage), "bold"),
            "\nduplicates ",
            (duplicates, "bold"),
            "  dead letters ",
            (dead_letters, "bold"),
            (f"  {_letters(reading.ledger.dead_letters, left)}", "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )

    def _log(self, lines: int) -> Text:
        shown = self.announced[-lines:] if lines > 0 else []
        text = Text(no_wrap=True, overflow="ellipsis")
        for at, words in shown:
            text.append(f"{at.astimezone():%H:%M:%S}  ", style="dim")
            text.append(f"{words}\n", style="red" if words.startswith("SIGKILL") else "")
        text.append("\n" * (lines - len(shown)))
        text.right_crop(1)
        return text


def _pods_and_lags(reading: Reading, bar: int) -> Table:
    both = Table.grid(expand=True)
    both.add_column(ratio=1)
    both.add_column(width=bar + 18)
    both.add_row(_pods(reading), _lags(reading, bar))
    return both


def _pods(reading: Reading) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=_NAME, no_wrap=True)
    table.add_column(width=7, justify="right", style="dim")
    table.add_column(no_wrap=True)
    for pod in reading.consumers:
        table.add_row(pod.name, str(pod.pid or ""), _state(pod, f"{len(pod.lags)} partitions"))
    for pod in reading.publishers:
        adopted = f" +{pod.adopted:,} adopted" if pod.adopted else ""
        table.add_row(pod.name, str(pod.pid or ""), _state(pod, f"spool {pod.spooled:,}{adopted}"))
    for pod in reading.plain:
        table.add_row(pod.name, str(pod.pid or ""), _state(pod, "no SDK"))
    return table


def _state(pod: PodReading, label: str) -> Text:
    match pod.state:
        case State.READY:
            words = label
        case State.RUNNING:
            words = f"running, {label}"
        case State.WAITING:
            words = "starts" if pod.waits_for == ["start"] else f"waits: {', '.join(pod.waits_for)}"
        case State.SILENT:
            words = "starts"
        case State.DOWN:
            words = "DOWN"
        case State.DONE:
            words = "done"
    return Text(words, style=_STYLES[pod.state])


def _lags(reading: Reading, bar: int) -> Table:
    lags, owners = reading.lags, reading.owners
    top = max([*lags.values(), 1000])
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=9, style="dim")
    table.add_column(width=6, justify="right")
    table.add_column(width=bar, no_wrap=True)
    table.add_row("partition", Text("lag", style="dim"), "")
    for partition, lag in lags.items():
        shown = Text("▇" * round(bar * lag / top), style="magenta")
        table.add_row(
            str(partition),
            f"{lag:,}",
            shown if partition in owners else Text("unread", style="yellow"),
        )
    table.add_row("all", Text(f"{sum(lags.values()):,}", style="bold"), "")
    return table


def _letters(dead_letters: Mapping[str, int], width: int) -> str:
    """The most frequent reasons that fit into the width."""
    labels = [
        f"{reason} {count:,}"
        for reason, count in sorted(dead_letters.items(), key=lambda each: -each[1])
    ]
    shown = len(labels)
    while len(text := ", ".join(labels[:shown])) > width:
        shown -= 1
    return text if shown == len(labels) else f"{text}, …"


def _bar(share: float, width: int) -> Text:
    done = round(share * width)
    return Text.assemble(("━" * done, "cyan"), ("━" * (width - done), "dim"))


def _keys() -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for key, words in _KEYS:
        text.append(f" {key} ", style="reverse")
        text.append(f" {words}  ")
    return text


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f} s"
