"""A file of events on their way: written before `emit` returns, gone from it once Kafka has them."""

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from classwaves_ingestor.producer.errors import SpoolFull, SpoolUnavailable
from classwaves_ingestor.producer.wal import wal_of

log = logging.getLogger(__name__)

# SQLite quotes what it cannot read, and that need not be UTF-8.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
_PASSING = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM}
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_MISMATCH,
}
_UNOPENED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM}
_PRIMARY = 0xFF  # of an extended error code
_DELETED_AT_ONCE = 100  # an emit waits for one such step at the most
_WAL_LARGE = 8 * 1024 * 1024
_WAL_HUGE = 8 * _WAL_LARGE
_FILE_LARGE = 64 * 1024 * 1024

_SETTINGS = (
    "journal_mode = WAL",
    # The kernel has each event when `emit` returns, so the death of the process loses none.
    "synchronous = NORMAL",
    # Checkpoints wait for the disk: they are made by `checkpoint`, on another thread than the one that emits.
    "wal_autocheckpoint = 0",
    # Else the log would keep for ever the size of the largest burst; the writer that begins it anew cuts it.
    f"journal_size_limit = {_WAL_LARGE // 2}",
    "secure_delete = OFF",
)
_CREATE = """
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    value BLOB NOT NULL,
    minted REAL NOT NULL,
    crc INTEGER NOT NULL
)"""
_APPEND = "INSERT INTO events VALUES (?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM events WHERE position IN (SELECT value FROM json_each(?))"
_DEPTH = "SELECT count(*), coalesce(sum(length(value)), 0), coalesce(max(position), 0) FROM events"
_WAITING = """
SELECT count(*), coalesce(sum(length(value)), 0) FROM events
WHERE position NOT IN (SELECT value FROM json_each(?))"""
_OLDEST = "SELECT minted FROM events ORDER BY position LIMIT 1"
# One row: a row for each event would take the interpreter's lock from an emitting thread once per event.
# No message and no session id holds a line feed.
_READ = """
SELECT group_concat(position, x'0a'), group_concat(crc, x'0a'),
       CAST(group_concat(session_id, x'0a') AS BLOB), CAST(group_concat(value, x'0a') AS BLOB)
FROM (SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?)"""
_READ_ROWS = (
    "SELECT position, crc, CAST(session_id AS BLOB), value, minted FROM events ORDER BY position "
)


class Event(NamedTuple):
    """A spooled event."""

    position: int
    key: bytes
    value: bytes


class BrokenSpool(SpoolUnavailable):
    """The spool's file cannot be trusted to be written any more."""


class CorruptSpool(BrokenSpool):
    """The spool's file is damaged."""


class Spool:
    """One SQLite file with the events of one process, in the order of their `append`.

    One thread may append while another reads and removes; each has a connection of its own, and where both write a
    lock is held for one short statement.

    Args:
        path: of the file, which is made if it is missing.
        max_bytes: how many bytes of messages may wait in it.

    Raises:
        CorruptSpool: this is no spool, or a damaged one.
        SpoolUnavailable: the file cannot be opened or made.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._wal = wal_of(path)
        self._writing = threading.Lock()
        self._read_through = 0
        self._leaving: list[int] = []
        self.sealed = False
        with _explained(path), ExitStack() as opened:
            self._writer = opened.enter_context(closing(_open(path)))
            self._reader = opened.enter_context(closing(_open(path)))
            self._writer.execute(_CREATE)
            self.events, self.bytes, self._last = self._writer.execute(_DEPTH).fetchone()
            opened.pop_all()

    def append(self, key: str, value: bytes, minted: float) -> int:
        """Write an event and return its position. The kernel has it then.

        Args:
            key: the session.
            value: the message.
            minted: when, in Unix seconds.

        Raises:
            SpoolFull: max_bytes wait.
            SpoolUnavailable: it is not written. After BrokenSpool nothing more is to be appended.
        """
        size = len(value)
        with self._writing:
            if self.sealed:
                raise BrokenSpool(f"The spool {self.path} takes no more events.")
            if self.bytes + size > self._max_bytes:
                raise SpoolFull(
                    f"{self.bytes} bytes of events wait for the broker in {self.path}; bring it back, or raise "
                    "SPOOL_MAX_BYTES."
                )
            position: int = self._last + 1
            try:
                self._writer.execute(
                    _APPEND, (position, key, value, minted, _crc(key.encode(), value))
                )
            except _ERRORS as error:
                raise _fault(self.path, error) from error
            self._last = position
            self.bytes += size
            self.events += 1
        return position

    def read(self, limit: int) -> Sequence[Event]:
        """The next events after those that were read, at most so many.

        Raises:
            CorruptSpool: the file is damaged; `salvage` it.
            SpoolUnavailable: it cannot be read.
        """
        with _explained(self.path):
            positions, checks, keys, values = self._reader.execute(
                _READ, (self._read_through, limit)
            ).fetchone()
        if positions is None:
            return ()
        events = [
            Event(int(position), key, value)
            for position, key, value in zip(
                positions.split("\n"), keys.split(b"\n"), values.split(b"\n"), strict=True
            )
        ]
        for event, check in zip(events, checks.split("\n"), strict=True):
            if _crc(event.key, event.value) != int(check):
                raise CorruptSpool(f"{self.path}: event {event.position} is not as it was written.")
        self._read_through = events[-1].position
        return events

    def seal(self) -> None:
        """Take no more events."""
        with self._writing:
            self.sealed = True

    def spent(self) -> bool:
        """Whether nothing waits, and a new file would be better: this one is large, or cannot be deleted from."""
        return not self.events and (bool(self._leaving) or _size(self.path) > _FILE_LARGE)

    def rewind(self, position: int) -> None:
        """Read again from this position on."""
        self._read_through = min(self._read_through, position - 1)

    def remove(self, events: Sequence[Event]) -> None:
        """Let go of events that Kafka has. What cannot be deleted now, on a full disk, is deleted with the next."""
        with self._writing:
            self._leaving += [event.position for event in events]
            self.events -= len(events)
            self.bytes -= sum(len(event.value) for event in events)
        try:
            while self._leaving:
                step = json.dumps(self._leaving[:_DELETED_AT_ONCE])
                with self._writing:
                    self._writer.execute(_DELETE, (step,))
                del self._leaving[:_DELETED_AT_ONCE]
        except _ERRORS as error:
            log.warning(
                "delivered events stay in the spool for now",
                extra={"spool": self.path, "error": str(error)},
            )

    def recount(self) -> None:
        """Count anew what waits: an append that was broken off may have written its event."""
        with self._writing, suppress(*_ERRORS):
            leaving = json.dumps(self._leaving)
            self.events, self.bytes = self._writer.execute(_WAITING, (leaving,)).fetchone()

    def oldest(self) -> float | None:
        """When the first event that waits was minted, in Unix seconds."""
        if not self.events:
            return None
        with _explained(self.path):
            row = self._reader.execute(_OLDEST).fetchone()
        return row and float(row[0])

    def checkpoint(self) -> None:
        """Move what was written from the log to the file, once it is worth it.

        An emitting thread goes on meanwhile. Only if it writes so fast that the log never comes to an end is it held
        up, for the short rest.
        """
        if _size(self._wal) < _WAL_LARGE:
            return
        with suppress(*_ERRORS):
            if self._move_log() or _size(self._wal) < _WAL_HUGE:
                return
            self._move_log()
            with self._writing:
                self._move_log()

    def close(self) -> None:
        """Close the file; it stays."""
        self._reader.close()
        with self._writing:
            self._writer.close()

    def _move_log(self) -> bool:
        """Whether all of it could be moved: then the next who writes begins the log anew."""
        _, written, moved = self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return bool(written == moved)


def salvage(damaged: Path, sound: Path) -> int:
    """Copy what is intact of a damaged spool into a new one. Returns how many events that is.

    Raises:
        SpoolUnavailable: the new one cannot be written, or the damaged one not be opened for now.
    """
    with _explained(sound):
        target = _open(sound)
        try:
            target.execute("BEGIN")
            target.execute(_CREATE)
            target.executemany(_APPEND, _intact(damaged))
            (events,) = target.execute("SELECT count(*) FROM events").fetchone()
            target.execute("COMMIT")
        finally:
            target.close()
    return int(events)


def _intact(damaged: Path) -> Iterator[tuple[object, ...]]:
    """Rows in front of the damage, then those behind it."""
    front = 0
    with closing(sqlite3.connect(damaged)) as source:
        for direction in ("ASC", "DESC"):
            with _but_for_damage():
                for position, check, key, value, minted in source.execute(_READ_ROWS + direction):
                    if direction == "ASC":
                        front = position
                    elif position <= front:
                        break
                    if isinstance(value, bytes) and _crc(key, value) == check:
                        yield position, key.decode(), value, minted, check


@contextmanager
def _but_for_damage() -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        if _code(error) in _UNOPENED:  # it may be sound where it was not looked at
            raise


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _crc(key: bytes, value: bytes) -> int:
    return crc32(value, crc32(key))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        raise _fault(path, error) from error


def _fault(path: Path, error: Exception) -> SpoolUnavailable:
    told = (
        f"The spool {path} cannot be used: {error}. Look at the folder SPOOL_FOLDER and its disk."
    )
    code = _code(error)
    if code in _PASSING:
        return SpoolUnavailable(told)
    return CorruptSpool(told) if code in _DAMAGE else BrokenSpool(told)


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & _PRIMARY
