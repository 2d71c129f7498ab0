"""The app ids under which a ledger stores its numbers in a Delta log.

| app id                                        | version                                    |
|-----------------------------------------------|--------------------------------------------|
| `{group}/{topic id}/{partition}`              | position: the next offset to read          |
| `{group}/{topic id}/{partition}/{counter}`    | a counter, see `Checkpoint`                |
| `{group}/{topic id}/{partition}/stored-until` | `ingested_through_ms`; 0 if unknown        |
| `ids/{id shard}`                              | commits that added identities of the shard |
| `topics/{group}/{topic}/{topic id}`           | 1: this topic id has been accepted         |

Groups, topics and topic ids are percent-encoded, because they may contain slashes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, unquote

from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.interface import Stream

_ID_SHARDS = "ids/"
_DEAD_LETTERS = "dead-letters/"
_INGESTED_THROUGH = "stored-until"


class AppIds:
    """The app ids of one stream."""

    def __init__(self, stream: Stream) -> None:
        group, topic, topic_id = (
            quote(part, safe="") for part in (stream.group, stream.topic, stream.topic_id)
        )
        self._partitions = f"{group}/{topic_id}/"
        self._topics = f"topics/{group}/{topic}/"
        self.topic = f"{self._topics}{topic_id}"

    def position(self, partition: int) -> str:
        """The app id of a partition's position."""
        return f"{self._partitions}{partition}"

    def topic_ids(self, transactions: Mapping[str, int]) -> set[str]:
        """The accepted ids of the stream's topic."""
        return {
            unquote(app_id.removeprefix(self._topics))
            for app_id in transactions
            if app_id.startswith(self._topics)
        }

    def encode(self, partition: int, checkpoint: Checkpoint) -> dict[str, int]:
        """A checkpoint by app id. Counters of 0 are left out."""
        position = self.position(partition)
        counters = {
            "duplicates": checkpoint.duplicates,
            "conflicting": checkpoint.conflicting,
            "erased": checkpoint.erased,
            "holes": checkpoint.holes,
            **{
                f"{_DEAD_LETTERS}{quote(reason, safe='')}": count
                for reason, count in checkpoint.dead_lettered.items()
            },
        }
        stored = {f"{position}/{name}": count for name, count in counters.items() if count}
        return {
            position: checkpoint.position,
            f"{position}/first": checkpoint.first_offset,
            # Not left out: an app id keeps its last number, and the time can become unknown.
            f"{position}/{_INGESTED_THROUGH}": checkpoint.ingested_through_ms or 0,
        } | stored

    def decode(self, transactions: Mapping[str, int]) -> dict[int, Checkpoint]:
        """The checkpoint of every partition that has one."""
        numbers: dict[int, dict[str, int]] = {}
        for app_id, version in transactions.items():
            if app_id.startswith(self._partitions):
                partition, _, name = app_id.removeprefix(self._partitions).partition("/")
                numbers.setdefault(int(partition), {})[name] = version
        return {partition: _checkpoint(counters) for partition, counters in numbers.items()}


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


def _checkpoint(numbers: Mapping[str, int]) -> Checkpoint:
    dead_lettered = {
        unquote(name.removeprefix(_DEAD_LETTERS)): count
        for name, count in numbers.items()
        if name.startswith(_DEAD_LETTERS)
    }
    return Checkpoint(
        position=numbers[""],
        first_offset=numbers["first"],
        duplicates=numbers.get("duplicates", 0),
        conflicting=numbers.get("conflicting", 0),
        erased=numbers.get("erased", 0),
        holes=numbers.get("holes", 0),
        dead_lettered=MappingProxyType(dead_lettered),
        ingested_through_ms=numbers.get(_INGESTED_THROUGH) or None,
    )
