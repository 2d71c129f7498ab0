"""The limit on dead letters: a bad message costs itself only, but a bad stream stops the consumer (G5).

Decided before a letter of the batch in hand is written, because a letter cannot be taken back. The messages stay in the
topic, lag grows and pages somebody; arroyo's DlqLimit and PostHog's circuit breaker taught us this.
"""

from collections import deque
from dataclasses import dataclass

from classwaves_ingestor.errors import MostMessagesBad


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """At most this share of the last so many messages may be rejects.

    Args:
        ratio: 0..1; 1 turns the limit off.
        messages: the window; fewer messages than this never break the limit.
    """

    ratio: float
    messages: int


class RejectLimitState:
    """The rejects among the latest messages."""

    def __init__(self, limit: RejectLimit) -> None:
        self._limit = limit
        self._polls: deque[tuple[int, int]] = deque()
        self._messages = 0
        self._rejects = 0

    def count(self, messages: int, rejects: int) -> None:
        """Count a poll of so many messages, so many of them rejected.

        Raises:
            MostMessagesBad: the limit is broken.
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
                f"{self._rejects} of the last {self._messages} messages cannot be decoded, more than "
                f"{self._limit.ratio:.0%}. They stay in the topic. Mend the producer, or deploy a consumer that knows "
                "its messages; set DEAD_LETTER_LIMIT=1 to dead-letter them all."
            )
