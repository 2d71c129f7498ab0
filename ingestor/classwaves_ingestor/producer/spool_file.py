"""The SQLite file of a spool: its tables, its errors, and where its events belong."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from classwaves_ingestor.producer.errors import SpoolUnavailable

# SQLite quotes unreadable data in its messages, which need not be UTF-8.
ERRORS = (sqlite3.Error, UnicodeDecodeError)
_TEMPORARY = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM}
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_MISMATCH,
}
_UNOPENED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM}
_PRIMARY = 0xFF  # of an extended error code

LOG_LARGE = 8 * 1024 * 1024
"""Bytes of write-ahead log that deserve a checkpoint."""

_SETTINGS = (
    "journal_mode = WAL",
    # The kernel has each event when `emit` returns, so a crash of the process loses none.
    "synchronous = NORMAL",
    # Checkpoints wait for the disk: the spool runs them on another thread than the emitting one.
    "wal_autocheckpoint = 0",
    # Otherwise the log would never shrink after the largest burst.
    f"journal_size_limit = {LOG_LARGE // 2}",
    "secure_delete = OFF",
)
_CREATE_EVENTS = """
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    value BLOB NOT NULL,
    minted REAL NOT NULL,
    crc INTEGER NOT NULL
)"""
_CREATE_DESTINATION = (
    "CREATE TABLE IF NOT EXISTS destination (topic TEXT NOT NULL, cluster_id TEXT)"
)
APPEND = "INSERT INTO events VALUES (?, ?, ?, ?, ?)"


class BrokenSpool(SpoolUnavailable):
    """The spool's file can no longer be written reliably."""


class CorruptSpool(BrokenSpool):
    """The spool's file is damaged."""


class OtherDestination(SpoolUnavailable):
    """The spool's events belong to another topic or cluster."""


class Destination(NamedTuple):
    """Where the events of a spool belong.

    Args:
        topic: their topic.
        cluster_id: the cluster that acknowledged the first of them; None before that.
    """

    topic: str
    cluster_id: str | None = None


def connect(path: Path) -> sqlite3.Connection:
    """Open or create a file, with the settings of spools and without their tables."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def create_tables(connection: sqlite3.Connection, destination: Destination | None) -> None:
    """Create the missing tables in the caller's transaction; None leaves the destination out."""
    connection.execute(_CREATE_EVENTS)
    if destination is not None:
        connection.execute(_CREATE_DESTINATION)
        connection.execute("INSERT INTO destination VALUES (?, ?)", destination)


def destination_of(connection: sqlite3.Connection) -> Destination | None:
    """The destination in a file; None in a file of version 0.1.0."""
    query = "SELECT 1 FROM sqlite_master WHERE name = 'destination'"
    if connection.execute(query).fetchone() is None:
        return None
    row = connection.execute("SELECT topic, cluster_id FROM destination").fetchone()
    return row and Destination(*row)


def checksum(key: bytes, value: bytes) -> int:
    """The checksum of an event."""
    return crc32(value, crc32(key))


@contextmanager
def mapped_errors(path: Path) -> Iterator[None]:
    """Replace SQLite's errors by those of spools."""
    try:
        yield
    except ERRORS as error:
        raise map_error(path, error) from error


def map_error(path: Path, error: Exception) -> SpoolUnavailable:
    """The error of a spool for an error of SQLite."""
    message = f"The spool {path} cannot be used: {error}. Check SPOOL_FOLDER and its disk."
    code = _code(error)
    if code in _TEMPORARY:
        return SpoolUnavailable(message)
    return CorruptSpool(message) if code in _DAMAGE else BrokenSpool(message)


def may_be_intact(error: Exception) -> bool:
    """Whether the file could not even be opened, so that the error shows no damage."""
    return _code(error) in _UNOPENED


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & _PRIMARY
