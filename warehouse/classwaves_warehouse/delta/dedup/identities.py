"""Identities of events as columns, and in sorted runs in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classwaves_warehouse.batch import Batch, Digests, Fingerprints, Found, Mask, Origins

Hours = npt.NDArray[np.int32]
"""Hours since 1970, UTC."""

HOUR_US: Final = 3_600_000_000
"""Microseconds of an hour."""

IDENTITY_BYTES: Final = 36
"""Memory of an identity."""

_MERGE_FACTOR: Final = 4


@dataclass(frozen=True, slots=True)
class Identities:
    """Four columns of equal length, 36 bytes for each event.

    Args:
        digests: the identity.
        fingerprints: what a repeat should share.
        origins: the message that it was read from.
        hours: the hour of event_time.
    """

    digests: Digests
    fingerprints: Fingerprints
    origins: Origins
    hours: Hours

    @classmethod
    def of(cls, batch: Batch) -> "Identities":
        """The identities of a batch, in its order."""
        return cls(batch.digests, batch.fingerprints, batch.origins, hours_of(batch.rows))

    @classmethod
    def concatenated(cls, parts: Sequence["Identities"]) -> "Identities":
        """All parts, one after the other."""
        return cls(
            np.concatenate([NO_IDENTITIES.digests, *(part.digests for part in parts)]),
            np.concatenate([NO_IDENTITIES.fingerprints, *(part.fingerprints for part in parts)]),
            np.concatenate([NO_IDENTITIES.origins, *(part.origins for part in parts)]),
            np.concatenate([NO_IDENTITIES.hours, *(part.hours for part in parts)]),
        )

    def __len__(self) -> int:
        return len(self.digests)

    def take(self, indices: npt.NDArray[np.int64] | Mask) -> "Identities":
        """The identities at these indices, or those of a mask."""
        return Identities(
            self.digests[indices],
            self.fingerprints[indices],
            self.origins[indices],
            self.hours[indices],
        )

    def in_order(self) -> "Identities":
        """The identities by ascending digest."""
        return self.take(np.argsort(self.digests, kind="stable"))

    def find(self, wanted: Digests) -> Found:
        """Which of these digests are present, and what is stored under them.

        Args:
            wanted: ascending; far fewer than the identities if those are many.
        """
        found = Found.none(len(wanted))
        if not len(wanted):
            return found
        indices = np.minimum(np.searchsorted(wanted, self.digests), len(wanted) - 1)
        hits = wanted[indices] == self.digests
        found.add(indices[hits], self.fingerprints, self.origins, np.flatnonzero(hits))
        return found

    def merged(self, others: "Identities") -> "Identities":
        """Two sorted runs as one sorted run."""
        at = np.searchsorted(self.digests, others.digests)
        return Identities(
            np.insert(self.digests, at, others.digests),
            np.insert(self.fingerprints, at, others.fingerprints),
            np.insert(self.origins, at, others.origins),
            np.insert(self.hours, at, others.hours),
        )


NO_IDENTITIES: Final = Identities(
    np.empty(0, "S16"), np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int32)
)


def hours_of(rows: pa.Table) -> Hours:
    """The hour of each row's event_time."""
    times: npt.NDArray[np.int64] = rows.column("event_time").cast(pa.int64()).to_numpy()
    return (times // HOUR_US).astype(np.int32)


class SortedRuns:
    """Identities in sorted runs, as a log-structured merge tree; the newest run is last.

    A new run is merged with its predecessor until that is four times as long, so a search reads
    about log4(size) runs.
    """

    def __init__(self) -> None:
        self._runs: list[Identities] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, identities: Identities) -> None:
        """Add identities in any order."""
        if not len(identities):
            return
        run = identities.in_order()
        while self._runs and len(self._runs[-1]) < _MERGE_FACTOR * len(run):
            run = self._runs.pop().merged(run)
        self._runs.append(run)

    def find(self, wanted: Digests) -> Found:
        """Which of these digests are present, and what is stored under them.

        Args:
            wanted: ascending, which is five times as fast as unsorted.
        """
        found = Found.none(len(wanted))
        for run in self._runs:
            indices = np.searchsorted(run.digests, wanted)
            indices[indices == len(run)] = 0
            hits = run.digests[indices] == wanted
            found.add(np.flatnonzero(hits), run.fingerprints, run.origins, indices[hits])
        return found

    def count_by_hour(self) -> dict[int, int]:
        """The number of identities of each hour that has any."""
        hours, counts = np.unique(self.merged().hours, return_counts=True)
        return dict(zip(hours.tolist(), counts.tolist(), strict=True))

    def merged(self) -> Identities:
        """All identities as one run."""
        return reduce(Identities.merged, reversed(self._runs), NO_IDENTITIES)

    def clear(self) -> None:
        """Remove all identities."""
        self._runs.clear()

    def drop(self, hours: Hours) -> None:
        """Remove the identities of these hours."""
        kept = (run.take(~np.isin(run.hours, hours)) for run in self._runs)
        self._runs = [run for run in kept if len(run)]
