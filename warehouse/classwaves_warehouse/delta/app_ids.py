"""The names under which a ledger keeps its numbers in a Delta log.

| app id                                    | version                                      |
|-------------------------------------------|----------------------------------------------|
| `{group}/{topic id}/{partition}`          | position: the next offset to read            |
| `{group}/{topic id}/{partition}/{counter}`| a counter, see `Checkpoint`                  |
| `ids/{lane}`                              | commits that added an identity in this lane  |
| `topics/{group}/{topic}/{topic id}`       | 1: positions are kept for this incarnation   |

Names of people's choosing are percent-encoded, so that no slash of theirs is taken for one of ours.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, unquote

from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.stream import Stream

_LANES = "ids/"
_LETTERS = "dead-letters/"


class AppIds:
    """One stream's app ids."""

    def __init__(self, stream: Stream) -> None:
        group, topic, topic_id = (
            quote(part, safe="") for part in (stream.group, stream.topic, stream.topic_id)
        )
        self._partitions = f"{group}/{topic_id}/"
        self._topics = f"topics/{group}/{topic}/"
        self.topic = f"{self._topics}{topic_id}"

    def position(self, partition: int) -> str:
        """Where a partition's position is kept."""
        return f"{self._partitions}{partition}"

    def incarnations(self, transactions: Mapping[str, int]) -> set[str]:
        """The topic ids that positions have been kept for."""
        return {
            unquote(app_id.removeprefix(self._topics))
            for app_id in transactions
            if app_id.startswith(self._topics)
        }

    def encode(self, partition: int, checkpoint: Checkpoint) -> dict[str, int]:
        """A checkpoint as app ids; a counter that is 0 is left out."""
        home = self.position(partition)
        counters = {
            "duplicates": checkpoint.duplicates,
            "conflicting": checkpoint.conflicting,
            "erased": checkpoint.erased,
            "holes": checkpoint.holes,
            "stored-until": checkpoint.stored_until_ms or 0,
            **{
                f"{_LETTERS}{quote(reason, safe='')}": count
                for reason, count in checkpoint.dead_lettered.items()
            },
        }
        kept = {f"{home}/{name}": count for name, count in counters.items() if count}
        return {home: checkpoint.position, f"{home}/first": checkpoint.first_offset, **kept}

    def decode(self, transactions: Mapping[str, int]) -> dict[int, Checkpoint]:
        """The checkpoint of every partition that has one."""
        numbers: dict[int, dict[str, int]] = {}
        for app_id, version in transactions.items():
            if app_id.startswith(self._partitions):
                partition, _, name = app_id.removeprefix(self._partitions).partition("/")
                numbers.setdefault(int(partition), {})[name] = version
        return {partition: _checkpoint(counters) for partition, counters in numbers.items()}


def lane_id(lane: int) -> str:
    """Where a lane's count is kept."""
    return f"{_LANES}{lane}"


def lanes_in(transactions: Mapping[str, int]) -> frozenset[int]:
    """The lanes that a commit claimed."""
    return frozenset(
        int(app_id.removeprefix(_LANES)) for app_id in transactions if app_id.startswith(_LANES)
    )


def _checkpoint(numbers: Mapping[str, int]) -> Checkpoint:
    letters = {
        unquote(name.removeprefix(_LETTERS)): n
        for name, n in numbers.items()
        if name.startswith(_LETTERS)
    }
    return Checkpoint(
        position=numbers[""],
        first_offset=numbers["first"],
        duplicates=numbers.get("duplicates", 0),
        conflicting=numbers.get("conflicting", 0),
        erased=numbers.get("erased", 0),
        holes=numbers.get("holes", 0),
        dead_lettered=MappingProxyType(letters),
        stored_until_ms=numbers.get("stored-until"),
    )
