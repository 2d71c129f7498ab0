"""The app ids under which a ledger stores its numbers in a Delta log.

| app id                                        | version                                    |
|-----------------------------------------------|--------------------------------------------|
| `{group}/{topic id}/{partition}`              | position: the next offset to read          |
| `{group}/{topic id}/{partition}/{name}`       | a number of the `Checkpoint`, below        |
| `acknowledged/{group}/{topic id}/{partition}` | expired offsets acknowledged by a person   |
| `ids/{id shard}`                              | commits that added identities of the shard |
| `topics/{group}/{topic}/{topic id}`           | 1: this topic id has been accepted         |

Groups, topics and topic ids are percent-encoded, because they may contain slashes. A number that is
not stored is 0. A class of offsets is three numbers: `{class}`, `{class}/sum`, `{class}/squares`.
0 also means unknown; `summed-from` and `leader-epoch`, for which 0 is a value, are stored plus 1.
`stored-until` is the stored name of `ingested_through_ms`, `recent-dead-letters` that of
`recent.bad`. An acknowledgement has an app id outside the partition's, so that it fences no
consumer.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import quote, unquote

from classwaves_warehouse.checkpoint import Checkpoint, RecentMessages, StopReason
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.offset_sums import OffsetSums

_ID_SHARDS = "ids/"
_DEAD_LETTERS = "dead-letters/"
_CLASSES = ("duplicates", "erased", "holes", "expired", "superseded")


class AppIds:
    """The app ids of one stream."""

    def __init__(self, stream: Stream) -> None:
        group, topic, topic_id = (
            quote(part, safe="") for part in (stream.group, stream.topic, stream.topic_id)
        )
        self._partitions = f"{group}/{topic_id}/"
        self._acknowledged = f"acknowledged/{self._partitions}"
        self._topics = f"topics/{group}/{topic}/"
        self.topic = f"{self._topics}{topic_id}"

    def position(self, partition: int) -> str:
        """The app id of a partition's position."""
        return f"{self._partitions}{partition}"

    def acknowledged(self, partition: int) -> str:
        """The app id of a partition's acknowledged expired offsets."""
        return f"{self._acknowledged}{partition}"

    def topic_ids(self, transactions: Mapping[str, int]) -> set[str]:
        """The accepted ids of the stream's topic."""
        return {
            unquote(app_id.removeprefix(self._topics))
            for app_id in transactions
            if app_id.startswith(self._topics)
        }

    def encode(self, partition: int, checkpoint: Checkpoint) -> dict[str, int]:
        """A checkpoint by app id, without what an operator acknowledged."""
        position = self.position(partition)
        return {position: checkpoint.position} | {
            f"{position}/{name}": number for name, number in _numbers(checkpoint)
        }

    def decode(self, transactions: Mapping[str, int]) -> dict[int, Checkpoint]:
        """The checkpoint of every partition that has one."""
        numbers: dict[int, dict[str, int]] = {}
        for app_id, version in transactions.items():
            if app_id.startswith(self._partitions):
                partition, _, name = app_id.removeprefix(self._partitions).partition("/")
                numbers.setdefault(int(partition), {})[name] = version
        return {
            partition: _checkpoint(found, transactions.get(self.acknowledged(partition), 0))
            for partition, found in numbers.items()
        }


def id_shard_app_id(shard: int) -> str:
    """The app id of an id shard."""
    return f"{_ID_SHARDS}{shard}"


def id_shards_in(transactions: Mapping[str, int]) -> frozenset[int]:
    """The id shards that a commit fences."""
    return frozenset(
        int(app_id.removeprefix(_ID_SHARDS))
        for app_id in transactions
        if app_id.startswith(_ID_SHARDS)
    )


def _numbers(checkpoint: Checkpoint) -> Iterator[tuple[str, int]]:
    yield "first", checkpoint.first_offset
    yield "summed-from", checkpoint.summed_from + 1
    yield "superseded-until", checkpoint.superseded_until
    yield "conflicting", checkpoint.conflicting
    yield "stored-until", checkpoint.ingested_through_ms or 0
    yield "recent-messages", checkpoint.recent.messages
    yield "recent-dead-letters", checkpoint.recent.bad
    yield "released-until", checkpoint.released_until
    yield "stopped", 0 if checkpoint.stopped is None else int(checkpoint.stopped)
    yield "leader-epoch", 0 if checkpoint.leader_epoch is None else checkpoint.leader_epoch + 1
    for name in _CLASSES:
        yield from _sums(name, getattr(checkpoint, name))
    for reason, offsets in checkpoint.dead_lettered.items():
        yield from _sums(f"{_DEAD_LETTERS}{quote(reason, safe='')}", offsets)


def _sums(name: str, offsets: OffsetSums) -> Iterator[tuple[str, int]]:
    yield name, offsets.count
    yield f"{name}/sum", offsets.total
    yield f"{name}/squares", offsets.squares


def _checkpoint(numbers: Mapping[str, int], acknowledged: int) -> Checkpoint:
    def number(name: str) -> int:
        return numbers.get(name, 0)

    def offsets(name: str) -> OffsetSums:
        return OffsetSums(number(name), number(f"{name}/sum"), number(f"{name}/squares"))

    reasons = {name.split("/")[1] for name in numbers if name.startswith(_DEAD_LETTERS)}
    return Checkpoint(
        position=numbers[""],
        first_offset=number("first"),
        # Version 0.1 stored no sums: they begin with the next commit.
        summed_from=numbers.get("summed-from", numbers[""] + 1) - 1,
        conflicting=number("conflicting"),
        acknowledged=acknowledged,
        superseded_until=number("superseded-until"),
        dead_lettered=MappingProxyType(
            {unquote(reason): offsets(f"{_DEAD_LETTERS}{reason}") for reason in sorted(reasons)}
        ),
        leader_epoch=number("leader-epoch") - 1 if number("leader-epoch") else None,
        stopped=StopReason(number("stopped")) if number("stopped") else None,
        recent=RecentMessages(number("recent-messages"), number("recent-dead-letters")),
        released_until=number("released-until"),
        ingested_through_ms=number("stored-until") or None,
        **{name: offsets(name) for name in _CLASSES},
    )
