"""The rows that changed between two versions of a table, from the files that its log names."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from classwaves_schemas.tables import Table
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.log import Log
from classwaves_warehouse.errors import VersionGone, WarehouseUnavailable
from classwaves_warehouse.rollup_rows import diff_rows


def changed_rows(
    table: Table,
    log: Log,
    dataset: DeltaDataset,
    columns: Sequence[str],
    *,
    since: int,
    until: int,
) -> pa.Table:
    """These columns of the rows that were added, changed or removed between two versions.

    The rows of rewritten files are compared with their copies. Files that the table no longer has
    are read for that; they exist until they are vacuumed.

    Args:
        table: its contract.
        log: of the table.
        dataset: the files of the version `until`.
        columns: of the table.
        since: the older version.
        until: the newer version.

    Raises:
        VersionGone: log entries were cleaned up, or a file was vacuumed.
        WarehouseUnavailable: the table cannot be read now.
    """
    added: dict[str, Mapping[str, str | None]] = {}
    removed: dict[str, Mapping[str, str | None]] = {}
    if since > until:
        raise VersionGone(
            f"{table.qualified_name} is at version {until} and has no version {since}."
        )
    try:
        for version in range(since + 1, until + 1):
            change = log.change(version)
            added.update(change.added)
            removed.update(change.removed)
        temporary = added.keys() & removed.keys()
        new = dataset.only({path: v for path, v in added.items() if path not in temporary})
        old = dataset.only({path: v for path, v in removed.items() if path not in temporary})
        _check_files_exist(dataset, {*new.files(), *old.files()})
        return (
            diff_rows(new, old, columns) if old.files() else new.scanner(columns=columns).to_table()
        )
    except FileNotFoundError as error:
        raise VersionGone(
            f"{table.qualified_name}: version {since} can no longer be read."
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise WarehouseUnavailable(f"{table.qualified_name} cannot be read: {error}") from error


def _check_files_exist(dataset: DeltaDataset, paths: set[str]) -> None:
    missing = dataset.missing(paths.difference(dataset.files()))
    if missing:
        raise FileNotFoundError(f"{missing[0]} was vacuumed")
