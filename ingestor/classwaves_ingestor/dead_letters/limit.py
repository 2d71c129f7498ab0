"""The limit on dead letters: a bad message costs only itself, a bad stream stops all (G5).

The check comes before any dead letter of the poll is written, because a dead letter cannot be taken
back. The messages stay in the topic and the lag raises an alert. Compare arroyo's DlqLimit and
PostHog's circuit breaker.
"""

from collections import deque
from dataclasses import dataclass

from classwaves_ingestor.errors import MostMessagesBad


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """The largest permitted share of rejects among the latest messages.

    Args:
        ratio: 0..1; 1 switches the limit off.
        messages: size of the window; fewer messages never exceed the limit.
    """

    ratio: float
    messages: int


class RejectLimitState:
    """Counts rejects among the latest messages."""

    def __init__(self, limit: RejectLimit) -> None:
        self._limit = limit
        self._polls: deque[tuple[int, int]] = deque()
        self._messages = 0
        self._rejects = 0

    def count(self, messages: int, rejects: int) -> None:
        """Count the messages and rejects of one poll.

        Raises:
            MostMessagesBad: the limit is exceeded.
        """
        if not messages:
            return
        self._polls.append((messages, rejects))
        self._messages += messages
        self._rejects += rejects
        while self._messages - self._polls[0][0] >= self._limit.messages:
            old_messages, old_rejects = self._polls.popleft()
            self._messages -= old_messages
            self._rejects -= old_rejects
        if (
            self._messages >= self._limit.messages
            and self._rejects > self._limit.ratio * self._messages
        ):
            raise MostMessagesBad(
                f"{self._rejects} of the last {self._messages} messages cannot be decoded, more "
                f"than {self._limit.ratio:.0%}. They stay in the topic. Fix the producer, or "
                "deploy a consumer that supports its messages; set DEAD_LETTER_LIMIT=1 to "
                "dead-letter them all."
            )
