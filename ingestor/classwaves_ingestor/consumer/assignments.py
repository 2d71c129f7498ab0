"""The partitions assigned to this consumer, and the table position that each continues from.

assigned ──► resolving ──► fetching ──► (fenced by another owner) ──► assigned …
                 │             │
                 └──► stopped ◄┘  the log does not continue what is stored, or cannot be read
                         └──► assigned …  looked at again, because an operator may have acted
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from classwaves_ingestor.stop_reasons import explain_stop
from classwaves_runtime.clock import Clock
from classwaves_warehouse.checkpoint import Checkpoint, Progress, StopReason
from classwaves_warehouse.interface import Positions


@dataclass(frozen=True, slots=True)
class PartitionStart:
    """Where an assigned partition is to be read from, according to table and broker.

    Args:
        checkpoint: the table's checkpoint; None if the partition was never committed.
        low: the broker's low watermark.
        high: the broker's high watermark.
    """

    checkpoint: Checkpoint | None
    low: int
    high: int

    @property
    def position(self) -> int | None:
        """The table's position; None if the partition was never committed."""
        return None if self.checkpoint is None else self.checkpoint.position

    @property
    def stopped(self) -> StopReason | None:
        """Why the partition's last owner stopped reading it, as the ledger has it."""
        return None if self.checkpoint is None else self.checkpoint.stopped

    @property
    def next_offset(self) -> int:
        """The next offset to store."""
        return self.low if self.position is None else self.position

    @property
    def expired(self) -> range:
        """The offsets that retention deleted before they were read."""
        return range(self.next_offset, max(self.low, self.next_offset))


class _State(Enum):
    ASSIGNED = auto()
    RESOLVING = auto()
    FETCHING = auto()
    STOPPED = auto()


@dataclass(slots=True)
class _Assignment:
    state: _State = _State.ASSIGNED
    position: int | None = None
    low: int = 0
    end: int = 0
    committed_at: float = 0.0
    committed_hour: int = 0
    not_before: float = 0.0
    is_leaderless: bool = False
    had_offset_error: bool = False
    stop: StopReason | None = None
    stopped_at: float = 0.0
    recorded: StopReason | None = None

    def unmoved(self) -> Progress:
        """Progress that leaves the position unchanged."""
        return Progress(self.low if self.position is None else self.position, self.low)


class PartitionAssignments:
    """The assigned partitions and their states.

    Args:
        clock: measures how long a partition has had no commit.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._assigned: dict[int, _Assignment] = {}

    def on_assigned(self, partitions: Sequence[int]) -> None:
        """Add these partitions. Where they start is unknown."""
        for partition in partitions:
            self._assigned[partition] = _Assignment()

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """Remove these partitions."""
        for partition in partitions:
            self._assigned.pop(partition, None)

    def take_unresolved(self) -> Sequence[int]:
        """The partitions whose start is to be requested; marks them as requested."""
        now = self._clock.monotonic()
        due = [
            partition
            for partition, each in self._assigned.items()
            if each.state is _State.ASSIGNED and each.not_before <= now
        ]
        for partition in due:
            self._assigned[partition].state = _State.RESOLVING
        return due

    def on_resolved(self, found: Mapping[int, PartitionStart]) -> Mapping[int, PartitionStart]:
        """Accept where partitions start, and return it for those that still wait for it.

        A partition that was revoked and assigned again meanwhile needs a new request.
        """
        awaited = {
            partition: start
            for partition, start in found.items()
            if partition in self._assigned and self._assigned[partition].state is _State.RESOLVING
        }
        for partition, start in awaited.items():
            each = self._assigned[partition]
            each.state = _State.FETCHING
            each.position, each.low, each.end = start.position, start.low, start.high
            self._committed(each)
            each.recorded = start.stopped
        return awaited

    def on_unanswered(self, partitions: Collection[int], seconds: float) -> None:
        """Request these starts again, after some seconds: no leader answered."""
        for partition in partitions:
            each = self._assigned.get(partition)
            if each is not None and each.state is _State.RESOLVING:
                each.state = _State.ASSIGNED
                each.not_before = self._clock.monotonic() + seconds
                each.is_leaderless = True

    def on_offset_error(self, partitions: Collection[int]) -> Sequence[int]:
        """Resolve again where these start: the broker does not have their next offsets.

        Returns:
            the partitions that are still assigned.
        """
        ours = self.restart(partitions)
        for partition in ours:
            self._assigned[partition].had_offset_error = True
        return ours

    def why_stop(self, partition: int, start: PartitionStart) -> StopReason | None:
        """Why a partition cannot be read from its resolved start, or None if it can.

        A position that had an offset error and that lies within the log was read from a log that
        lost its tail and grew again. Bad messages stop a partition until an operator releases them.
        """
        if start.next_offset > start.high:
            return StopReason.LOG_ENDS_BELOW_POSITION
        if self._assigned[partition].had_offset_error and not start.expired:
            return StopReason.LOG_LOST_ITS_TAIL
        if start.stopped is StopReason.MOST_MESSAGES_BAD:
            return StopReason.MOST_MESSAGES_BAD
        return None

    def stop(self, partition: int, reason: StopReason) -> bool:
        """Stop reading this partition; return whether the reason is a new one."""
        each = self._assigned.get(partition)
        if each is None:
            return False
        is_new = each.stop is not reason
        each.state, each.stop, each.had_offset_error = _State.STOPPED, reason, False
        each.stopped_at = self._clock.monotonic()
        return is_new

    def look_again(self, seconds: float) -> None:
        """Resolve again the partitions that have been stopped for this long.

        They count as stopped until they are read, since the cause usually remains.
        """
        before = self._clock.monotonic() - seconds
        for each in self._assigned.values():
            if each.state is _State.STOPPED and each.stopped_at <= before:
                each.state = _State.ASSIGNED

    def on_read(self, partitions: Collection[int]) -> None:
        """The broker delivered messages or the end of these partitions: they are not stopped."""
        for partition in partitions:
            each = self._assigned.get(partition)
            if each is not None and each.state is _State.FETCHING:
                each.stop, each.had_offset_error = None, False

    def on_committed(self, progress: Mapping[int, Progress]) -> None:
        """Record the positions and stops that our own commit wrote."""
        for partition, written in progress.items():
            each = self._assigned.get(partition)
            if each is not None and each.state is not _State.ASSIGNED:
                each.position, each.recorded = written.position, written.stopped
                self._committed(each)

    def restart(self, partitions: Collection[int]) -> Sequence[int]:
        """Forget the positions of these partitions, and return those that are still assigned."""
        ours = [partition for partition in partitions if partition in self._assigned]
        for partition in ours:
            self._assigned[partition] = _Assignment(stop=self._assigned[partition].stop)
        return ours

    def positions(self, partitions: Collection[int]) -> Positions:
        """The positions that the next batch continues from."""
        return {partition: self._assigned[partition].position for partition in partitions}

    def low_watermarks(self, partitions: Collection[int]) -> Mapping[int, int]:
        """The low watermark of each partition when its start was resolved.

        It becomes the checkpoint's first_offset if there is no checkpoint yet.
        """
        return {partition: self._assigned[partition].low for partition in partitions}

    def idle(self, seconds: float) -> Mapping[int, Progress]:
        """Unmoved progress of the partitions that had no commit for this long.

        One minute after each full hour all are due: the rollup then finds the hour complete.
        """
        before, hour = self._clock.monotonic() - seconds, self._hour()
        return {
            partition: each.unmoved()
            for partition, each in self._assigned.items()
            if each.state is _State.FETCHING
            and (each.committed_at <= before or each.committed_hour < hour)
        }

    def unrecorded_stops(self) -> Mapping[int, Progress]:
        """Unmoved progress that records why partitions are stopped, where the ledger differs."""
        return {
            partition: replace(each.unmoved(), stopped=each.stop)
            for partition, each in self._assigned.items()
            if each.state is _State.STOPPED and each.recorded is not each.stop
        }

    def fetching_positions(self) -> Positions:
        """The next offset to store of each partition that is being fetched."""
        return {
            partition: each.position
            for partition, each in self._assigned.items()
            if each.state is _State.FETCHING
        }

    def stopped(self) -> Mapping[int, str]:
        """Why partitions are stopped, and what to do."""
        return {
            partition: explain_stop(each.stop, each.unmoved().position, each.end)
            for partition, each in self._assigned.items()
            if each.stop is not None
        }

    def leaderless(self) -> Collection[int]:
        """The partitions without a leader that answers: they cannot be started."""
        return [partition for partition, each in self._assigned.items() if each.is_leaderless]

    def _committed(self, each: _Assignment) -> None:
        each.committed_at, each.committed_hour = self._clock.monotonic(), self._hour()
        each.is_leaderless = False

    def _hour(self) -> int:
        """The number of the hour, as it was a minute ago."""
        return int(self._clock.now().timestamp() - 60) // 3600
