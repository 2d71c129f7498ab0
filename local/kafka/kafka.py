"""A running Kafka, whatever it is made of."""

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
        """Start the process on the data that is there; return once it answers. Raises StartError if it never does."""


@dataclass(frozen=True)
class Kafka:
    """A Kafka that answers at `bootstrap_servers` until `stop` is called (or the `with` block ends).

    `passed_over` holds one sentence for each better kind that this machine could not run. `broker` is there if this
    Kafka is one process of ours, to be killed and restarted.
    """

    kind: Kind
    product: str
    bootstrap_servers: str
    stop: Callable[[], None]
    passed_over: tuple[str, ...] = ()
    broker: Restartable | None = None

    @property
    def real(self) -> bool:
        """Whether this is Apache Kafka or a service that stands for it, and not a mock."""
        return self.kind != "mock"

    def describe(self) -> str:
        """One line for people: what runs, where, and why nothing better does."""
        because = f" ({' '.join(self.passed_over)})" if self.passed_over else ""
        return f"Kafka: {self.product} at {self.bootstrap_servers}{because}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
