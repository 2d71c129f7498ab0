"""The identities in the data files of session_events, and in the sidecars beside them.

A sidecar is the run of one data file, at `_identities/<data file>.run` below the table. Upkeep
writes it before the commit that adds the data file, so the sidecar of a live file is complete.
Delta ignores folders whose name begins with an underscore.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from pyarrow.fs import FileSelector, FileType

from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.delta.dataset import active_files, filesystem_for
from classwaves_warehouse.delta.dedup.identities import HOUR_US, Hours, Identities, hours_of
from classwaves_warehouse.delta.dedup.local_runs import LocalRuns
from classwaves_warehouse.delta.dedup.run import IdentityRun, write_run
from classwaves_warehouse.errors import DamagedRun

log = logging.getLogger(__name__)

_CHUNK_ROWS: Final = 65_536
_FOLDER: Final = "_identities"
_SUFFIX: Final = ".run"
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


class IdentityFiles:
    """The identities of session_events, by data file.

    Args:
        handle: of the table; reads see its current version.
    """

    def __init__(self, handle: DeltaTable) -> None:
        self._handle = handle
        self._filesystem = filesystem_for(handle)

    def files(self, hours: Hours) -> Sequence[str]:
        """The live files that may have rows of these hours (ascending).

        Those without statistics may.
        """
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

    def identities(self, paths: Sequence[str], hours: Hours | None = None) -> Iterator[Identities]:
        """The identities in these data files, in chunks.

        Args:
            paths: of the files, below the table.
            hours: limits the answer to these hours (ascending); None for all.

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

    def runs(self, paths: Sequence[str], local: LocalRuns) -> Iterator[tuple[str, IdentityRun]]:
        """The paths that have a sidecar, each with its run. A damaged sidecar counts as none.

        Args:
            paths: of data files, below the table.
            local: takes copies of sidecars that are not on a local disk.
        """
        present = self.sidecars()
        for path in paths:
            if path in present and (run := self._open(path, local)) is not None:
                yield path, run

    def sidecars(self) -> Mapping[str, datetime]:
        """When each sidecar was written, by the path of its data file; that may be gone."""
        found = self._filesystem.get_file_info(
            FileSelector(_FOLDER, recursive=True, allow_not_found=True)
        )
        return {
            info.path.removeprefix(f"{_FOLDER}/").removesuffix(_SUFFIX): info.mtime
            for info in found
            if info.type is FileType.File and info.path.endswith(_SUFFIX)
        }

    def write_sidecar(self, path: str) -> None:
        """Write the sidecar of a data file that has rows.

        Raises:
            FileNotFoundError: the data file was vacuumed.
            OSError: the storage does not take it.
        """
        run = Identities.concatenated(list(self.identities([path]))).in_order()
        target = _sidecar(path)
        self._filesystem.create_dir(target.rpartition("/")[0], recursive=True)
        with self._filesystem.open_output_stream(target) as stream:
            write_run(stream, run)

    def remove_sidecar(self, path: str) -> None:
        """Remove the sidecar of a data file."""
        self._filesystem.delete_file(_sidecar(path))

    def _open(self, path: str, local: LocalRuns) -> IdentityRun | None:
        try:
            return local.open(self._filesystem, _sidecar(path))
        except (OSError, DamagedRun):
            log.warning("The identities of %s are read from the table", path, exc_info=True)
            return None


def _sidecar(path: str) -> str:
    return f"{_FOLDER}/{path}{_SUFFIX}"


def _hours(times: pa.ChunkedArray, unknown: int) -> Hours:
    filled = times.cast(pa.int64()).fill_null(unknown * HOUR_US)
    microseconds: npt.NDArray[np.int64] = filled.to_numpy()
    return (microseconds // HOUR_US).astype(np.int32)
