"""A running Kafka of any kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, Self

Kind = Literal["given", "container", "maven", "mock"]


class Restartable(Protocol):
    """A broker whose data and port survive its process."""

    def kill(self) -> None:
        """End the process as a crash would: SIGKILL."""

    def start(self) -> None:
        """Start the process on its existing data; return once it answers.

        Raises:
            StartError: it does not become ready.
        """


@dataclass(frozen=True)
class Kafka:
    """A Kafka that runs until `stop` is called or the `with` block ends.

    Args:
        kind: how it runs.
        product: its name and version for messages.
        bootstrap_servers: its address.
        stop: ends it.
        passed_over: one sentence for each better kind that this machine cannot run.
        broker: the broker process, if this Kafka is a single one that may be killed and restarted.
    """

    kind: Kind
    product: str
    bootstrap_servers: str
    stop: Callable[[], None]
    passed_over: tuple[str, ...] = ()
    broker: Restartable | None = None

    @property
    def real(self) -> bool:
        """Whether this is a real Kafka service, not a mock."""
        return self.kind != "mock"

    def describe(self) -> str:
        """Describe in one line what runs, where, and why no better kind does."""
        because = f" ({' '.join(self.passed_over)})" if self.passed_over else ""
        return f"Kafka: {self.product} at {self.bootstrap_servers}{because}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
