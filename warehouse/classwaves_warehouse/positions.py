"""Comparing the positions in the table with those that an owner believes in."""

from collections.abc import Mapping

from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Fenced, Positions, Stored


def settled(
    actual: Positions, expected: Positions, progress: Mapping[int, Progress]
) -> Stored | Fenced | None:
    """What the table says of an append before it is tried: nothing to settle (None), landed earlier, or moved.

    A heartbeat expects the very position that it makes: it never counts as landed.
    """
    here = {partition: actual.get(partition) for partition in progress}
    strays = {
        partition: position
        for partition, position in here.items()
        if position != expected.get(partition)
    }
    if not strays:
        return None
    if all(position == progress[partition].position for partition, position in here.items()):
        return Stored(rows=0)
    return Fenced(strays)
