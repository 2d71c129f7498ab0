"""A topic in memory, for the tests of services that emit."""

import threading
from collections import deque
from collections.abc import Callable

from classwaves_ingestor.producer.errors import QueueFull
from classwaves_ingestor.producer.transport import Failure, Refusal


class MemoryTransport:
    """See `Transport`. What it was sent can be read from `messages`, once `poll` or `flush` was called.

        topic = MemoryTransport()
        publisher = EventPublisher(settings, component="test", connect=topic.connect)

    Args:
        room: how many events may wait while it is away.
    """

    def __init__(self, room: int = 100_000) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.away = False
        self.failure: Failure | None = None
        """Given to each event instead of taking it, while it is set."""
        self._room = room
        self._waiting: deque[tuple[str, bytes, Refusal]] = deque()
        self._settling = threading.RLock()

    def connect(self) -> "MemoryTransport":
        """The topic itself: what a publisher takes as its `connect`."""
        return self

    def refusal(self, tell: Callable[[Failure], None]) -> Refusal:
        """See `Transport.refusal`."""
        return lambda failure, _: tell(failure)

    def send(self, key: str | bytes, value: bytes, refusal: Refusal) -> None:
        """See `Transport.send`."""
        if len(self._waiting) >= self._room:
            raise QueueFull
        self._waiting.append((key if isinstance(key, str) else key.decode(), value, refusal))

    def poll(self) -> None:
        """See `Transport.poll`."""
        with self._settling:
            while self._waiting and not self.away:
                key, value, refusal = self._waiting.popleft()
                if self.failure is None:
                    self.messages.append((key, value))
                else:
                    refusal(self.failure, value)

    def flush(self, seconds: float) -> int:  # noqa: ARG002  # nothing here takes time
        """See `Transport.flush`."""
        self.poll()
        return len(self._waiting)

    def delivered(self) -> int:
        """See `Transport.delivered`."""
        return len(self.messages)

    def close(self) -> None:
        """See `Transport.close`."""
        self._waiting.clear()
