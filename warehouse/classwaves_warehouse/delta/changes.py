"""What became of a table's rows since a version, from the files that came and went."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
from deltalake import DeltaTable

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Table
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.log import Log
from classwaves_warehouse.difference import difference
from classwaves_warehouse.errors import VersionGone, WarehouseUnavailable


def changed(handle: DeltaTable, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
    """These columns of the rows that came, changed or went.

    A file that was only put together from others counts for nothing; the rows of one that was rewritten are held
    against those of the copy. So files are read that are in the table no longer: they stay until they are vacuumed.

    Args:
        handle: of the table, at the latest version.
        table: its contract.
        since: an older version of it.
        columns: of the table.

    Raises:
        VersionGone: the log has been cleaned since, or a file has been vacuumed.
        WarehouseUnavailable: it cannot be read now.
    """
    log = Log(handle)
    came: dict[str, Mapping[str, str | None]] = {}
    gone: dict[str, Mapping[str, str | None]] = {}
    if since > handle.version():
        raise VersionGone(
            f"{table.qualified_name} is at version {handle.version()} and has no version {since}."
        )
    try:
        for version in range(since + 1, handle.version() + 1):
            change = log.change(version)
            came.update(change.came)
            gone.update(change.gone)
        passing = came.keys() & gone.keys()
        files = DeltaDataset.of(handle, arrow_schema(table))
        news = files.only({path: values for path, values in came.items() if path not in passing})
        olds = files.only({path: values for path, values in gone.items() if path not in passing})
        _hold(files, {*news.files(), *olds.files()})
        return (
            difference(news, olds, columns)
            if olds.files()
            else news.scanner(columns=columns).to_table()
        )
    except FileNotFoundError as error:
        raise VersionGone(
            f"{table.qualified_name}: version {since} can be read no longer."
        ) from error
    except OSError as error:
        raise WarehouseUnavailable(f"{table.qualified_name} cannot be read: {error}") from error


def _hold(table: DeltaDataset, paths: set[str]) -> None:
    """See that files are there which a table may hold no longer."""
    vanished = table.vanished(paths.difference(table.files()))
    if vanished:
        raise FileNotFoundError(f"{vanished[0]} has been vacuumed")
