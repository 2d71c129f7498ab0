"""The files of a Delta table, for Arrow."""

from urllib.parse import unquote, urlsplit

from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSystem, LocalFileSystem, PyFileSystem, SubTreeFileSystem


def store_of(handle: DeltaTable) -> FileSystem:
    """Where a table's files are found by their paths below it.

    On a disk it is Arrow's own file system. delta-rs's calls Python, and an error of such a one can stop a process for
    good: Arrow begins to read while it holds the interpreter's lock, and the thread that tells of the error waits for
    that lock with one of Arrow's in its hands.

    Arguments:
        handle: of the table.
    """
    place = urlsplit(handle.table_uri)
    if place.scheme == "file":
        return SubTreeFileSystem(unquote(place.path), LocalFileSystem())
    return PyFileSystem(DeltaStorageHandler.from_table(handle._table))
