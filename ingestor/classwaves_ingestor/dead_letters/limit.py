"""The limit on dead letters: a bad message costs only itself, bad partitions stop (G5).

The check comes before any dead letter of the poll is written, because a dead letter cannot be taken
back. The messages stay in the topic, and their partitions are stopped until an operator releases
them. What is recent is stored beside each position, so a restart does not forget it. Compare
arroyo's DlqLimit and PostHog's circuit breaker.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from classwaves_warehouse.checkpoint import NO_MESSAGES, RecentMessages


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
    """Counts rejects among the latest messages, of all partitions and of each one."""

    def __init__(self, limit: RejectLimit) -> None:
        self._limit = limit
        self._released: dict[int, int] = {}
        self._recent: dict[int, RecentMessages] = {}
        self._clear()

    def start(self, partition: int, recent: RecentMessages, released_until: int) -> None:
        """Begin to count a partition.

        Args:
            partition: partition number.
            recent: its latest messages, as the ledger has them.
            released_until: rejects below this offset do not count.
        """
        self._recent[partition] = recent
        self._released[partition] = released_until
        self._add(recent.messages, recent.bad)

    def recent(self, partition: int) -> RecentMessages:
        """The latest messages of a partition."""
        return self._recent.get(partition, NO_MESSAGES)

    def count(
        self, messages: Mapping[int, int], rejects: Iterable[tuple[int, int]]
    ) -> Collection[int]:
        """Count the messages and rejects of one poll.

        The limit is exceeded if the latest messages of all partitions fill the window and too large
        a share of them is bad.

        Args:
            messages: by partition, the number of its messages.
            rejects: partition and offset of each reject among them.

        Returns:
            The partitions to stop, if the limit is exceeded: those with rejects in this poll whose
            own share is also too large.
        """
        bad = Counter(
            partition for partition, offset in rejects if offset >= self._released.get(partition, 0)
        )
        for partition, number in messages.items():
            self._recent[partition] = self._later(self.recent(partition), number, bad[partition])
        self._add(sum(messages.values()), bad.total())
        if self._messages < self._limit.messages or not self._exceeds(
            RecentMessages(self._messages, self._rejects)
        ):
            return ()
        stopped = [partition for partition in bad if self._exceeds(self.recent(partition))]
        if stopped:
            self._clear()
        return stopped

    def _exceeds(self, recent: RecentMessages) -> bool:
        return recent.bad > self._limit.ratio * recent.messages

    def _later(self, before: RecentMessages, messages: int, rejects: int) -> RecentMessages:
        """The latest messages after some more; older ones count in proportion."""
        window = self._limit.messages
        if messages >= window:
            return RecentMessages(window, rejects * window // messages)
        kept = min(before.messages, window - messages)
        share = before.bad * kept // before.messages if kept else 0
        return RecentMessages(kept + messages, share + rejects)

    def _add(self, messages: int, rejects: int) -> None:
        if not messages:
            return
        self._polls.append((messages, rejects))
        self._messages += messages
        self._rejects += rejects
        while self._messages - self._polls[0][0] >= self._limit.messages:
            old_messages, old_rejects = self._polls.popleft()
            self._messages -= old_messages
            self._rejects -= old_rejects

    def _clear(self) -> None:
        self._polls: deque[tuple[int, int]] = deque()
        self._messages = self._rejects = 0
