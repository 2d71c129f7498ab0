"""The data files of session_events, as far as identities are concerned."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.delta.identities import HOUR_US, Hours, Identities, hours_of
from classwaves_warehouse.delta.store import files_of, store_of

_CHUNK_ROWS = 65_536
_SCHEMA = pa.schema([ROWS.field(name) for name in ("session_id", "id", "event_time", "payload")])


class DataFiles:
    """The files of the version that a handle stands at."""

    def __init__(self, handle: DeltaTable) -> None:
        self._handle = handle
        self._store = store_of(handle)

    def of_hours(self, hours: Hours) -> Iterator[Identities]:
        """The identities that the table holds of these hours (ascending), in pieces."""
        yield from self.identities(self._overlapping(hours), hours)

    def identities(self, paths: Sequence[str], hours: Hours | None = None) -> Iterator[Identities]:
        """The identities in these files, of these hours or of all, in pieces.

        Raises:
            FileNotFoundError: a file has been vacuumed away.
        """
        parquet = ds.ParquetFileFormat()
        fragments = [parquet.make_fragment(path, self._store) for path in paths]
        data = ds.FileSystemDataset(fragments, _SCHEMA, parquet, self._store)
        for chunk in data.to_batches(
            batch_size=_CHUNK_ROWS, batch_readahead=2, fragment_readahead=2
        ):
            rows = pa.Table.from_batches([chunk])
            if hours is not None:
                rows = rows.filter(pa.array(np.isin(hours_of(rows), hours)))
            if len(rows):
                yield Identities.of(Batch(rows))

    def _overlapping(self, hours: Hours) -> Sequence[str]:
        """The files whose range of event_time meets one of these hours; a file without statistics may."""
        files = files_of(self._handle)
        if "min.event_time" not in files.column_names:
            return [str(path) for path in files.column("path").to_pylist()]
        lowest = _hour(files.column("min.event_time"), unknown=np.iinfo(np.int32).min)
        highest = _hour(files.column("max.event_time"), unknown=np.iinfo(np.int32).max)
        first = np.append(hours, np.iinfo(np.int32).max)[np.searchsorted(hours, lowest)]
        return [
            str(path)
            for path in files.column("path").filter(pa.array(first <= highest)).to_pylist()
        ]


def _hour(times: pa.ChunkedArray, unknown: int) -> Hours:
    known: npt.NDArray[np.int64] = times.cast(pa.int64()).fill_null(unknown * HOUR_US).to_numpy()
    return (known // HOUR_US).astype(np.int32)
