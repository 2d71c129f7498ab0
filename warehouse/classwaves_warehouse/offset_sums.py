"""Sets of offsets, described by size and sums, so that the proof can add and compare them.

A count alone can hide two faults behind each other: one lost row and one message that is counted
twice leave the right number. They leave it with the right sum and the right sum of squares only by
a coincidence of about 1 in 2^61.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

MODULUS: Final = 2**61
"""Of both sums. They fit a BIGINT, and adding two of them does not overflow one."""

_MASK: Final = np.uint64(MODULUS - 1)


@dataclass(frozen=True, slots=True)
class OffsetSums:
    """The size of a set of offsets, its sum, and the sum of its squares, both modulo 2^61."""

    count: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, offsets: Iterable[int] | npt.NDArray[np.int64]) -> Self:
        """The sums of distinct offsets."""
        values = np.fromiter(offsets, np.int64) if not isinstance(offsets, np.ndarray) else offsets
        # Unsigned arithmetic wraps at 2^64, a multiple of the modulus.
        unsigned = values.astype(np.uint64)
        return cls(
            len(values),
            int(unsigned.sum(dtype=np.uint64) & _MASK),
            int((unsigned * unsigned).sum(dtype=np.uint64) & _MASK),
        )

    @classmethod
    def of_range(cls, start: int, stop: int) -> Self:
        """The sums of every offset of [start, stop)."""

        def below(end: int) -> tuple[int, int]:
            return end * (end - 1) // 2, (end - 1) * end * (2 * end - 1) // 6

        (total_to, squares_to), (total_from, squares_from) = below(stop), below(start)
        return cls(
            stop - start, (total_to - total_from) % MODULUS, (squares_to - squares_from) % MODULUS
        )

    def __add__(self, other: "OffsetSums") -> "OffsetSums":
        """The sums of both sets, which have no offset in common."""
        return OffsetSums(
            self.count + other.count,
            (self.total + other.total) % MODULUS,
            (self.squares + other.squares) % MODULUS,
        )

    def __sub__(self, other: "OffsetSums") -> "OffsetSums":
        """The sums of this set without another one, which is a part of it."""
        return OffsetSums(
            self.count - other.count,
            (self.total - other.total) % MODULUS,
            (self.squares - other.squares) % MODULUS,
        )

    def __bool__(self) -> bool:
        """Whether any of the numbers is not 0."""
        return (self.count, self.total, self.squares) != (0, 0, 0)


NO_OFFSETS: Final = OffsetSums()
"""The empty set."""
