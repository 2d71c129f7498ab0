"""A version of a Delta table as a dataset that reads only the files a filter needs.

delta-rs builds one expression from all statistics of all files before the first query, which takes
seconds for many files. `DeltaDataset` uses times, partition values and the clustering column only,
first for groups of files that are adjacent in time, then for the files of the matching groups.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, reduce
from math import isqrt
from operator import and_
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSystem, FileType, LocalFileSystem, PyFileSystem, SubTreeFileSystem

from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable

# Without pre_buffer an hour of a busy table takes 150 MiB less memory, and no more time on a disk.
_PARQUET: Final = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False)
)
_UNSUPPORTED: Final = {"deletionVectors", "columnMapping"}
_CLUSTERING_COLUMNS: Final = frozenset({"session_id"})
_MINIMUM: Final = "min."
_TIME_PRECISION: Final = pa.scalar(1_000, pa.duration("us"))
"""Writers truncate times in statistics to milliseconds, so a maximum may be too low by that."""


def filesystem_for(handle: DeltaTable) -> FileSystem:
    """The filesystem in which a table's files have paths relative to the table.

    A local table gets Arrow's own filesystem: with delta-rs's, which calls Python, an error can
    deadlock the process. Arrow then holds the interpreter's lock while it waits for one of its
    own, and the thread that reports the error waits the other way round.
    """
    url = urlsplit(handle.table_uri)
    if url.scheme == "file":
        return SubTreeFileSystem(unquote(url.path), LocalFileSystem())
    return PyFileSystem(DeltaStorageHandler.from_table(handle._table))


def local_folder(filesystem: FileSystem) -> Path | None:
    """The folder of a local table, from `filesystem_for`; None for one on another machine."""
    if isinstance(filesystem, SubTreeFileSystem):
        return Path(filesystem.base_path)
    return None


def active_files(handle: DeltaTable) -> pa.Table:
    """Path, statistics and partition values of the files in the handle's version.

    The columns are those of delta-rs, flattened. Paths are unescaped, as `filesystem_for` needs
    them.
    """
    files = pa.table(handle.get_add_actions(flatten=True))
    paths = pa.array([unquote(path.as_py()) for path in files["path"]], pa.string())
    return files.set_column(files.column_names.index("path"), "path", paths)


class DeltaDataset(ds.FileSystemDataset):  # type: ignore[misc]  # pyarrow has no types
    """The files of a table. DuckDB calls `scanner` with the filter that it pushed down."""

    def __init__(
        self,
        fragments: Sequence[ds.Fragment],
        schema: pa.Schema,
        form: ds.FileFormat,
        filesystem: FileSystem,
    ) -> None:
        super().__init__(fragments, schema, form, filesystem)
        self._filesystem = filesystem
        self._groups: Sequence[FileGroup] = ()

    @classmethod
    def of(cls, handle: DeltaTable, columns: pa.Schema) -> "DeltaDataset":
        """The handle's present version; the handle may be updated afterwards.

        Args:
            handle: of the table.
            columns: columns of the dataset. One that the table does not have is NULL; one that it
                has keeps the table's type.

        Raises:
            WarehouseRefused: the table uses a feature that this adapter cannot read.
        """
        features = _UNSUPPORTED.intersection(handle.protocol().reader_features or ())
        if handle.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
            features |= {"columnMapping"}  # protocols before version 3 do not list it
        if features:
            raise WarehouseRefused(
                f"{handle.table_uri} uses {', '.join(sorted(features))}, which this adapter cannot "
                "read."
            )
        types = {field.name: field.type for field in pa.schema(handle.schema().to_arrow())}
        schema = pa.schema(
            [pa.field(field.name, types.get(field.name, field.type)) for field in columns]
        )
        dataset = cls((), schema, _PARQUET, filesystem_for(handle))
        dataset._groups = FileGroup.of(active_files(handle), schema)
        return dataset

    def scanner(
        self,
        columns: Sequence[str] | None = None,
        filter: ds.Expression = None,  # noqa: A002
        **_: Any,  # noqa: ANN401
    ) -> ds.Scanner:
        """Read columns of the rows that pass a filter."""
        with_views: list[ds.Dataset] = []
        others: list[ds.Fragment] = []
        for path, guarantee in self._passing(filter):
            fragment = self._fragment(path, guarantee)
            if _has_views(fragment.physical_schema):
                with_views.append(ds.dataset(_without_views(fragment, self.schema)))
            else:
                others.append(fragment)
        files = ds.FileSystemDataset(others, self.schema, _PARQUET, self._filesystem)
        if with_views:
            files = ds.UnionDataset(self.schema, [files, *with_views])
        return files.scanner(
            columns=columns, filter=filter, batch_readahead=2, fragment_readahead=1
        )

    def only(self, files: Mapping[str, Mapping[str, str | None]]) -> "DeltaDataset":
        """A dataset of certain files, which need not be in the version.

        Args:
            files: partition values by path.
        """
        other = DeltaDataset((), self.schema, _PARQUET, self._filesystem)
        names = {name for values in files.values() for name in values}
        columns = {
            f"partition.{name}": pa.array([each[name] for each in files.values()]).cast(
                self.schema.field(name).type
            )
            for name in names.intersection(self.schema.names)
        }
        other._groups = FileGroup.of(
            pa.table({"path": pa.array(files, pa.string()), **columns}), self.schema
        )
        return other

    def missing(self, paths: Iterable[str]) -> Sequence[str]:
        """Which of these files no longer exist."""
        infos = self._filesystem.get_file_info(list(paths))
        return [info.path for info in infos if info.type is FileType.NotFound]

    def rows(self, columns: Sequence[str], condition: ds.Expression) -> pa.Table:
        """These columns of the rows that pass a filter.

        Raises:
            WarehouseUnavailable: the files cannot be read.
        """
        try:
            return self.scanner(columns=columns, filter=condition).to_table()
        except (OSError, pa.ArrowException) as error:
            raise WarehouseUnavailable(f"The files of a table cannot be read: {error}") from error

    def files(self, condition: ds.Expression | None = None) -> Sequence[str]:
        """The paths of the files that may have rows that pass a filter."""
        return [path for path, _ in self._passing(condition)]

    def _passing(self, condition: ds.Expression | None) -> Iterable[tuple[str, ds.Expression]]:
        if condition is None:
            return [file for group in self._groups for file in group.files]
        guarantees = [(str(index), group.guarantee) for index, group in enumerate(self._groups)]
        groups = [self._groups[int(index)] for index, _ in self._filter(guarantees, condition)]
        return self._filter([file for group in groups for file in group.files], condition)

    def _filter(
        self, guarantees: Sequence[tuple[str, ds.Expression]], condition: ds.Expression
    ) -> Sequence[tuple[str, ds.Expression]]:
        fragments = [self._fragment(path, guarantee) for path, guarantee in guarantees]
        dataset = ds.FileSystemDataset(fragments, self.schema, _PARQUET, self._filesystem)
        return [
            (fragment.path, fragment.partition_expression)
            for fragment in dataset.get_fragments(condition)
        ]

    def _fragment(self, path: str, guarantee: ds.Expression) -> ds.Fragment:
        return _PARQUET.make_fragment(path, self._filesystem, partition_expression=guarantee)


class FileGroup:
    """Files that are adjacent in time. Guarantees about their rows are computed once, on demand.

    Args:
        files: path, statistics and partition values, as in `active_files`.
        ranged: the columns with ranges in the guarantees.
    """

    def __init__(self, files: pa.Table, ranged: Sequence[str]) -> None:
        self._files = files
        self._ranged = ranged

    @classmethod
    def of(cls, files: pa.Table, schema: pa.Schema) -> Sequence["FileGroup"]:
        """Divide n files into about √n groups of √n files.

        Args:
            files: as above.
            schema: of the table.
        """
        known = {
            name.removeprefix(_MINIMUM) for name in files.column_names if name.startswith(_MINIMUM)
        }
        times = [
            field.name
            for field in schema
            if pa.types.is_timestamp(field.type) and field.name in known
        ]
        if times:
            files = files.sort_by(f"{_MINIMUM}{times[0]}")
        ranged = [*times, *_CLUSTERING_COLUMNS.intersection(known, schema.names)]
        size = max(isqrt(len(files)), 1)
        return [cls(files.slice(start, size), ranged) for start in range(0, len(files), size)]

    @cached_property
    def guarantee(self) -> ds.Expression:
        """A condition that all rows of the group fulfil."""
        return _all(_ranges(self._files, self._ranged))

    @cached_property
    def files(self) -> Sequence[tuple[str, ds.Expression]]:
        """The path of each file, and a condition that all its rows fulfil."""
        return [
            (str(file["path"][0].as_py()), _all([*_ranges(file, self._ranged), *_partitions(file)]))
            for file in (self._files.slice(index, 1) for index in range(len(self._files)))
        ]


def _has_views(schema: pa.Schema) -> bool:
    return any(
        pa.types.is_string_view(field.type) or pa.types.is_binary_view(field.type)
        for field in schema
    )


def _without_views(fragment: ds.Fragment, schema: pa.Schema) -> pa.Table:
    """The rows of a file that a DELETE or UPDATE of delta-rs has rewritten.

    delta-rs writes the texts of such files as string views, which Arrow cannot compare.
    """
    return ds.FileSystemDataset([fragment], schema, _PARQUET, fragment.filesystem).to_table()


def _ranges(files: pa.Table, ranged: Sequence[str]) -> Iterable[ds.Expression]:
    for name in ranged:
        low, high, nulls = (files[f"{what}.{name}"] for what in ("min", "max", "null_count"))
        if not (low.null_count or high.null_count or nulls.null_count):
            yield _between(name, pc.min(low), pc.max(high), pc.max(nulls).as_py())


def _partitions(file: pa.Table) -> Iterable[ds.Expression]:
    for name in file.column_names:
        if name.startswith("partition."):
            field, value = ds.field(name.removeprefix("partition.")), file[name][0]
            yield field == value if value.is_valid else field.is_null()


def _between(name: str, low: pa.Scalar, high: pa.Scalar, nulls: int) -> ds.Expression:
    field = ds.field(name)
    limit = pc.add(high, _TIME_PRECISION) if pa.types.is_timestamp(high.type) else high
    inside = (field >= low) & (field <= limit)
    return (inside | field.is_null()) if nulls else (inside & field.is_valid())


def _all(conditions: Iterable[ds.Expression]) -> ds.Expression:
    return reduce(and_, conditions, ds.scalar(True))
