"""The files of a Delta table, for Arrow."""

from urllib.parse import unquote, urlsplit

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSystem, LocalFileSystem, PyFileSystem, SubTreeFileSystem


def store_of(handle: DeltaTable) -> FileSystem:
    """Where a table's files are found by their paths below it.

    On a disk it is Arrow's own file system. delta-rs's calls Python, and an error of such a one can stop a process for
    good: Arrow begins to read while it holds the interpreter's lock, and the thread that tells of the error waits for
    that lock with one of Arrow's in its hands.

    Args:
        handle: of the table.
    """
    place = urlsplit(handle.table_uri)
    if place.scheme == "file":
        return SubTreeFileSystem(unquote(place.path), LocalFileSystem())
    return PyFileSystem(DeltaStorageHandler.from_table(handle._table))


def files_of(handle: DeltaTable) -> pa.Table:
    """The files of the version that a handle stands at: path, statistics, partition values, as delta-rs flattens them.

    Paths are those of the store; delta-rs leaves them as the log has them, escaped.
    """
    files = pa.table(handle.get_add_actions(flatten=True))
    paths = pa.array([unquote(path.as_py()) for path in files["path"]], pa.string())
    return files.set_column(files.column_names.index("path"), "path", paths)
