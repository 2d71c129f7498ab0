"""Identities as columns, and sorted runs of them: the bounded index's memory, 28 bytes each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classwaves_warehouse.batch import Batch, Digests, Fingerprints, Mask

Hours = npt.NDArray[np.int32]
"""Hours since 1970, UTC."""

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Identities:
    """Columns of equal length: what tells events apart, what a repeat must equal, and the hour of event_time."""

    digests: Digests
    fingerprints: Fingerprints
    hours: Hours

    @classmethod
    def of(cls, batch: Batch) -> "Identities":
        """The identities of a batch, in its order."""
        return cls(batch.digests, batch.fingerprints, hours_of(batch.rows))

    @classmethod
    def concatenated(cls, parts: Sequence["Identities"]) -> "Identities":
        """All parts, one after the other."""
        return cls(
            np.concatenate([NO_IDENTITIES.digests, *(part.digests for part in parts)]),
            np.concatenate([NO_IDENTITIES.fingerprints, *(part.fingerprints for part in parts)]),
            np.concatenate([NO_IDENTITIES.hours, *(part.hours for part in parts)]),
        )

    def __len__(self) -> int:
        return len(self.digests)

    def take(self, places: npt.NDArray[np.int64] | Mask) -> "Identities":
        """The identities at these places, or those of a mask."""
        return Identities(self.digests[places], self.fingerprints[places], self.hours[places])

    def in_order(self) -> "Identities":
        """The identities by ascending digest."""
        return self.take(np.argsort(self.digests, kind="stable"))

    def merged(self, others: "Identities") -> "Identities":
        """Two runs in order as one run in order."""
        at = np.searchsorted(self.digests, others.digests)
        return Identities(
            np.insert(self.digests, at, others.digests),
            np.insert(self.fingerprints, at, others.fingerprints),
            np.insert(self.hours, at, others.hours),
        )


NO_IDENTITIES = Identities(np.empty(0, "S16"), np.empty(0, np.uint64), np.empty(0, np.int32))


def hours_of(rows: pa.Table) -> Hours:
    """The hour of each row's event_time."""
    times: npt.NDArray[np.int64] = rows.column("event_time").cast(pa.int64()).to_numpy()
    return (times // HOUR_US).astype(np.int32)
