"""A topic in memory, for the tests of services that emit."""

import threading
from collections import deque
from collections.abc import Callable

from classwaves_ingestor.producer.errors import QueueFull
from classwaves_ingestor.producer.transport import Failure, OnFailure


class MemoryTransport:
    """The `Transport` in memory. `messages` has the sent events after `poll` or `flush`.

        topic = MemoryTransport()
        publisher = EventPublisher(settings, component="test", connect=topic.connect)

    Args:
        room: number of events that may wait while `away` is set.
    """

    def __init__(self, room: int = 100_000) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.away = False
        self.failure: Failure | None = None
        """While set, the failure of each event."""
        self.cluster: str | None = "memory"
        """The id of the cluster; None while it is unknown."""
        self.room = room
        self._waiting: deque[tuple[str, bytes, OnFailure]] = deque()
        self._settling = threading.RLock()

    def connect(self) -> "MemoryTransport":
        """Returns itself; pass it to a publisher as `connect`."""
        return self

    def failure_callback(self, report: Callable[[Failure], None]) -> OnFailure:
        """See `Transport.failure_callback`."""
        return lambda failure, _: report(failure)

    def send(self, key: str | bytes, value: bytes, on_failure: OnFailure) -> None:
        """See `Transport.send`."""
        if len(self._waiting) >= self.room:
            raise QueueFull
        self._waiting.append((key if isinstance(key, str) else key.decode(), value, on_failure))

    def poll(self) -> None:
        """See `Transport.poll`."""
        with self._settling:
            while self._waiting and not self.away:
                key, value, on_failure = self._waiting.popleft()
                if self.failure is None:
                    self.messages.append((key, value))
                else:
                    on_failure(self.failure, value)

    def flush(self, seconds: float) -> int:  # noqa: ARG002  # memory never blocks
        """See `Transport.flush`."""
        self.poll()
        return len(self._waiting)

    def delivered(self) -> int:
        """See `Transport.delivered`."""
        return len(self.messages)

    def cluster_id(self) -> str | None:
        """See `Transport.cluster_id`."""
        return self.cluster

    def close(self) -> None:
        """See `Transport.close`."""
        self._waiting.clear()
