"""What readings one after the other tell: rates, and how fresh the table is."""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil

from demo.reading import Reading

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WINDOW_SECONDS = 10.0
_READINGS = 120


class History:
    """The latest readings.

    Args:
        bounds: upper bounds of the latencies in a reading, in seconds, without the infinite one.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._readings: deque[Reading] = deque(maxlen=_READINGS)

    def add(self, reading: Reading) -> None:
        """A new one."""
        self._readings.append(reading)

    @property
    def latest(self) -> Reading | None:
        """The newest reading, if there is any."""
        return self._readings[-1] if self._readings else None

    def rates(self, count: Callable[[Reading], float]) -> list[float]:
        """By how much something grew in each second between two readings."""
        readings = [*self._readings]
        return [
            max(count(after) - count(before), 0.0) / (after.at - before.at)
            for before, after in pairwise(readings)
        ]

    def freshness(self, share: float) -> float | None:
        """Within how many seconds this share of the events of the last ten could be queried; None without events."""
        if not self._readings:
            return None
        last = self._readings[-1]
        first = next(each for each in self._readings if each.at >= last.at - _WINDOW_SECONDS)
        counts = [now - then for now, then in zip(last.latencies, first.latencies, strict=True)]
        return quantile(share, self._bounds, counts)


def quantile(share: float, bounds: Sequence[float], counts: Sequence[float]) -> float | None:
    """The value below which a share of all lies, as Prometheus' `histogram_quantile` reckons it.

    Args:
        share: between 0 and 1.
        bounds: of the buckets, ascending, without the infinite one.
        counts: for each bound how many lie within it, and last how many there are.
    """
    if not counts[-1]:
        return None
    rank = share * counts[-1]
    low, below = 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count >= rank:
            return (
                low + (bound - low) * (rank - below) / (count - below) if count > below else bound
            )
        low, below = bound, count
    return low


def spark(values: Sequence[float], width: int, top: float) -> str:
    """The last `width` values as bars of eight heights: the highest for `top`, none for 0."""
    heights = (ceil(value / top * (len(_BLOCKS) - 1)) if top else 0 for value in values[-width:])
    return "".join(_BLOCKS[height] for height in heights)
