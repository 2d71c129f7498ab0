"""Identities of events as columns: in sorted runs, and in the data files of session_events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from classwaves_warehouse.batch import ROWS, Batch, Digests, Fingerprints, Found, Mask, Origins
from classwaves_warehouse.delta.dataset import active_files, filesystem_for

Hours = npt.NDArray[np.int32]
"""Hours since 1970, UTC."""

_HOUR_US: Final = 3_600_000_000
_CHUNK_ROWS: Final = 65_536
_MERGE_FACTOR: Final = 4
_SCHEMA: Final = pa.schema(
    [
        ROWS.field(name)
        for name in (
            "session_id",
            "id",
            "event_time",
            "payload",
            "kafka_topic_id",
            "kafka_partition",
            "kafka_offset",
        )
    ]
)


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
    return (times // _HOUR_US).astype(np.int32)


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
            found.fingerprints[hits] = run.fingerprints[indices[hits]]
            found.origins[hits] = run.origins[indices[hits]]
            found.known[hits] = True
        return found

    def count_by_hour(self) -> dict[int, int]:
        """The number of identities of each hour that has any."""
        hours, counts = np.unique(Identities.concatenated(self._runs).hours, return_counts=True)
        return dict(zip(hours.tolist(), counts.tolist(), strict=True))

    def drop(self, hours: Hours) -> None:
        """Remove the identities of these hours."""
        kept = (run.take(~np.isin(run.hours, hours)) for run in self._runs)
        self._runs = [run for run in kept if len(run)]


class IdentityFiles:
    """Reads identities from the data files of session_events.

    Args:
        handle: of the table; reads see its current version.
    """

    def __init__(self, handle: DeltaTable) -> None:
        self._handle = handle
        self._filesystem = filesystem_for(handle)

    def of_hours(self, hours: Hours) -> Iterator[Identities]:
        """The stored identities of these hours (ascending), in chunks."""
        yield from self.of_files(self._overlapping(hours), hours)

    def of_files(self, paths: Sequence[str], hours: Hours | None = None) -> Iterator[Identities]:
        """The identities in these files, in chunks.

        Args:
            paths: of the files, below the table.
            hours: limits the answer to these hours; None for all.

        Raises:
            FileNotFoundError: a file was vacuumed.
        """
        parquet = ds.ParquetFileFormat()
        fragments = [parquet.make_fragment(path, self._filesystem) for path in paths]
        data = ds.FileSystemDataset(fragments, _SCHEMA, parquet, self._filesystem)
        for chunk in data.to_batches(
            batch_size=_CHUNK_ROWS, batch_readahead=2, fragment_readahead=2
        ):
            rows = pa.Table.from_batches([chunk])
            if hours is not None:
                rows = rows.filter(pa.array(np.isin(hours_of(rows), hours)))
            if len(rows):
                yield Identities.of(Batch(rows))

    def _overlapping(self, hours: Hours) -> Sequence[str]:
        """The files that may have rows of these hours; those without statistics may."""
        files = active_files(self._handle)
        if "min.event_time" not in files.column_names:
            return [str(path) for path in files.column("path").to_pylist()]
        lowest = _hours(files.column("min.event_time"), unknown=np.iinfo(np.int32).min)
        highest = _hours(files.column("max.event_time"), unknown=np.iinfo(np.int32).max)
        first = np.append(hours, np.iinfo(np.int32).max)[np.searchsorted(hours, lowest)]
        return [
            str(path)
            for path in files.column("path").filter(pa.array(first <= highest)).to_pylist()
        ]


def _hours(times: pa.ChunkedArray, unknown: int) -> Hours:
    filled = times.cast(pa.int64()).fill_null(unknown * _HOUR_US)
    microseconds: npt.NDArray[np.int64] = filled.to_numpy()
    return (microseconds // _HOUR_US).astype(np.int32)
