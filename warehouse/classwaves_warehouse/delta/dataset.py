"""A version of a Delta table as a dataset that is scanned file by file: only those that a filter lets through."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from pyarrow.fs import FileSystem, FileType

from classwaves_warehouse.delta.file_group import FileGroup
from classwaves_warehouse.delta.store import files_of, store_of
from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable

# To read whole columns ahead would take 150 MiB more for a busy hour, and saves nothing on a disk.
_PARQUET: Final = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False)
)
_UNREADABLE: Final = {"deletionVectors", "columnMapping"}


class DeltaDataset(ds.FileSystemDataset):  # type: ignore[misc]  # pyarrow has no types
    """The files of a table; DuckDB hands the filter that it pushed down to `scanner`.

    delta-rs makes an expression of all statistics of all files before the first question, which takes seconds where
    they are many. Here it is made of times and of what tables are clustered by, for groups of files that lie together
    in time, and then for the files of those groups alone that the filter lets through.
    """

    def __init__(
        self,
        fragments: Sequence[ds.Fragment],
        schema: pa.Schema,
        form: ds.FileFormat,
        store: FileSystem,
    ) -> None:
        super().__init__(fragments, schema, form, store)
        self._store = store
        self._groups: Sequence[FileGroup] = ()

    @classmethod
    def of(cls, handle: DeltaTable, columns: pa.Schema) -> "DeltaDataset":
        """The version that a handle stands at; the handle may move on afterwards.

        Args:
            handle: of the table.
            columns: those to see. One that the table does not have is NULL, one that it has keeps the table's type.

        Raises:
            WarehouseRefused: the table has a feature that nothing here can read.
        """
        features = _UNREADABLE.intersection(handle.protocol().reader_features or ())
        if handle.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
            features |= {"columnMapping"}  # protocols before version 3 do not name it
        if features:
            raise WarehouseRefused(
                f"{handle.table_uri} has {', '.join(sorted(features))}, which cannot be read here."
            )
        own = {field.name: field.type for field in pa.schema(handle.schema().to_arrow())}
        schema = pa.schema(
            [pa.field(field.name, own.get(field.name, field.type)) for field in columns]
        )
        dataset = cls((), schema, _PARQUET, store_of(handle))
        dataset._groups = FileGroup.of(files_of(handle), schema)
        return dataset

    def scanner(
        self,
        columns: Sequence[str] | None = None,
        filter: ds.Expression = None,  # noqa: A002
        **_: Any,  # noqa: ANN401
    ) -> ds.Scanner:
        """Read columns of the rows that pass a filter."""
        wanted = [self._fragment(path, condition) for path, condition in self._passing(filter)]
        plain: list[ds.Fragment] = []
        anew: list[ds.Dataset] = []
        for fragment in wanted:
            if _has_views(fragment.physical_schema):
                anew.append(ds.dataset(_without_views(fragment, self.schema)))
            else:
                plain.append(fragment)
        files = ds.FileSystemDataset(plain, self.schema, _PARQUET, self._store)
        if anew:
            files = ds.UnionDataset(self.schema, [files, *anew])
        return files.scanner(
            columns=columns, filter=filter, batch_readahead=2, fragment_readahead=1
        )

    def only(self, files: Mapping[str, Mapping[str, str | None]]) -> "DeltaDataset":
        """The same columns of certain files, which need not be in the version.

        Args:
            files: the values of partition columns, by path.
        """
        other = DeltaDataset((), self.schema, _PARQUET, self._store)
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

    def vanished(self, paths: Iterable[str]) -> Sequence[str]:
        """Those of these files that are stored no longer."""
        infos = self._store.get_file_info(list(paths))
        return [info.path for info in infos if info.type is FileType.NotFound]

    def rows(self, columns: Sequence[str], condition: ds.Expression) -> pa.Table:
        """These columns of the rows that pass a filter.

        Raises:
            WarehouseUnavailable: they cannot be read.
        """
        try:
            return self.scanner(columns=columns, filter=condition).to_table()
        except (OSError, pa.ArrowException) as error:
            raise WarehouseUnavailable(f"The files of the table cannot be read: {error}") from error

    def files(self, condition: ds.Expression | None = None) -> Sequence[str]:
        """The paths of the files that a filter lets through."""
        return [path for path, _ in self._passing(condition)]

    def _passing(self, condition: ds.Expression | None) -> Iterable[tuple[str, ds.Expression]]:
        if condition is None:
            return [file for group in self._groups for file in group.each]
        ranges = [(str(number), group.range) for number, group in enumerate(self._groups)]
        groups = [self._groups[int(number)] for number, _ in self._filtered(ranges, condition)]
        return self._filtered([file for group in groups for file in group.each], condition)

    def _filtered(
        self, described: Sequence[tuple[str, ds.Expression]], condition: ds.Expression
    ) -> Sequence[tuple[str, ds.Expression]]:
        fragments = [self._fragment(path, known) for path, known in described]
        passing = ds.FileSystemDataset(fragments, self.schema, _PARQUET, self._store).get_fragments(
            condition
        )
        return [(fragment.path, fragment.partition_expression) for fragment in passing]

    def _fragment(self, path: str, known: ds.Expression) -> ds.Fragment:
        return _PARQUET.make_fragment(path, self._store, partition_expression=known)


def _has_views(schema: pa.Schema) -> bool:
    return any(
        pa.types.is_string_view(field.type) or pa.types.is_binary_view(field.type)
        for field in schema
    )


def _without_views(fragment: ds.Fragment, schema: pa.Schema) -> pa.Table:
    """A file that delta-rs has written anew to delete or change rows: Arrow cannot compare its texts with others."""
    return ds.FileSystemDataset([fragment], schema, _PARQUET, fragment.filesystem).to_table()
