"""How long a table keeps what it no longer needs, and the deletion of what is older.

Old log entries serve readers of earlier versions: the rollup compares versions to find late data.
Files that are no longer live serve those readers, and queries that run. Transactions (positions,
counters, id shards, epochs) do not depend on log entries: every checkpoint has all of them.
"""

from typing import Final

from deltalake import DeltaTable
from pyarrow.fs import FileSelector

from classwaves_warehouse.delta.dataset import filesystem_for
from classwaves_warehouse.delta.log import Log

RETENTION: Final = "interval 1 days"
"""The retention of log entries and of files that are no longer live."""

RETENTION_PROPERTIES: Final = {
    "delta.logRetentionDuration": RETENTION,
    "delta.deletedFileRetentionDuration": RETENTION,
}

_LONG_TAIL: Final = 100  # log entries after the last checkpoint, which each new reader reads


def unset_retention(handle: DeltaTable) -> dict[str, str]:
    """The retention properties that a table does not have. Another value of an operator stays."""
    present = handle.metadata().configuration
    return {name: each for name, each in RETENTION_PROPERTIES.items() if name not in present}


def checkpoint_long_tail(handle: DeltaTable) -> None:
    """Write a checkpoint if there are many log entries since the last one."""
    if handle.version() - Log(handle).checkpointed_version() > _LONG_TAIL:
        handle.create_checkpoint()


def clean_log(handle: DeltaTable) -> int:
    """Delete the log entries that are older than the retention and precede a checkpoint.

    Returns:
        how many were deleted.
    """
    before = _log_entries(handle)
    handle.cleanup_metadata()
    return before - _log_entries(handle)


def vacuum(handle: DeltaTable) -> int:
    """Delete the files that no version within the retention has.

    Files that no log entry names count too: those of commits that never landed. A file that is
    younger than the retention is never deleted, since its commit may still land.

    Returns:
        how many were deleted.
    """
    return len(handle.vacuum(dry_run=False, full=True))


def _log_entries(handle: DeltaTable) -> int:
    files = filesystem_for(handle).get_file_info(FileSelector("_delta_log"))
    return sum(file.extension == "json" for file in files)
