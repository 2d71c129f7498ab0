"""The spool: a file of events, written before `emit` returns, removed once Kafka has them."""

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

# SQLite quotes unreadable data in its messages, which need not be UTF-8.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
_TEMPORARY = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM}
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_MISMATCH,
}
_UNOPENED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM}
_PRIMARY = 0xFF  # of an extended error code
_DELETED_AT_ONCE = 100  # an emit waits for at most one such step
_WAL_LARGE = 8 * 1024 * 1024
_WAL_HUGE = 8 * _WAL_LARGE
_FILE_LARGE = 64 * 1024 * 1024

_SETTINGS = (
    "journal_mode = WAL",
    # The kernel has each event when `emit` returns, so a crash of the process loses none.
    "synchronous = NORMAL",
    # Checkpoints wait for the disk: `checkpoint` runs on another thread than the emitting one.
    "wal_autocheckpoint = 0",
    # Otherwise the log would never shrink after the largest burst.
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
# One row: a row per event would take the interpreter lock from an emitting thread each time.
# Messages and session ids never contain a line feed.
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
    """The spool's file can no longer be written reliably."""


class SpoolInUse(SpoolUnavailable):
    """A signal handler or finalizer interrupted this thread in a change of the spool."""


class CorruptSpool(BrokenSpool):
    """The spool's file is damaged."""


class Spool:
    """One SQLite file with the events of one process, in the order of their `append`.

    One thread may append while another reads and removes. Each has its own connection; a lock
    protects each single write statement.

    Args:
        path: path of the file, which is created if missing.
        max_bytes: limit of waiting message bytes.

    Raises:
        CorruptSpool: the file is damaged or not a spool.
        SpoolUnavailable: the file cannot be opened or created.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._wal = wal_of(path)
        self._writing = threading.RLock()
        self._in_use = False
        self._read_through = 0
        self._leaving: list[int] = []
        self.sealed = False
        with _mapped_errors(path), ExitStack() as opened:
            self._writer = opened.enter_context(closing(_open(path)))
            self._reader = opened.enter_context(closing(_open(path)))
            self._writer.execute(_CREATE)
            self.events, self.bytes, self._last = self._writer.execute(_DEPTH).fetchone()
            opened.pop_all()

    def append(self, key: str, value: bytes, minted_at: float) -> int:
        """Write an event to the kernel and return its position.

        Args:
            key: session id.
            value: message.
            minted_at: Unix seconds.

        Raises:
            SpoolFull: max_bytes are waiting.
            SpoolInUse: a signal handler or finalizer interrupted this thread in `remove` or
                `checkpoint`; append to another spool.
            SpoolUnavailable: the event is not written. After BrokenSpool do not append again.
        """
        size = len(value)
        with self._writing:
            if self._in_use:
                raise SpoolInUse
            if self.sealed:
                raise BrokenSpool(f"The spool {self.path} is sealed.")
            if self.bytes + size > self._max_bytes:
                raise SpoolFull(
                    f"{self.bytes} bytes of events wait for the broker in {self.path}. Restore the "
                    "broker, or raise SPOOL_MAX_BYTES."
                )
            position: int = self._last + 1
            try:
                self._writer.execute(
                    _APPEND, (position, key, value, minted_at, _crc(key.encode(), value))
                )
            except _ERRORS as error:
                raise _map_error(self.path, error) from error
            self._last = position
            self.bytes += size
            self.events += 1
        return position

    def read(self, limit: int) -> Sequence[Event]:
        """The next unread events, at most `limit`.

        Raises:
            CorruptSpool: the file is damaged; `salvage` it.
            SpoolUnavailable: the file cannot be read.
        """
        with _mapped_errors(self.path):
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
                raise CorruptSpool(f"{self.path}: the checksum of event {event.position} differs.")
        self._read_through = events[-1].position
        return events

    def seal(self) -> None:
        """Refuse further events."""
        with self._writing:
            self.sealed = True

    def spent(self) -> bool:
        """Whether the spool is empty and should be replaced: too large, or deletes fail."""
        return not self.events and (bool(self._leaving) or _size(self.path) > _FILE_LARGE)

    def rewind(self, position: int) -> None:
        """Read again from this position."""
        self._read_through = min(self._read_through, position - 1)

    def remove(self, events: Sequence[Event]) -> None:
        """Remove acknowledged events. Deletes that fail are retried with the next ones."""
        positions = [event.position for event in events]
        size = sum(len(event.value) for event in events)
        with self._writing:
            self._leaving += positions
            self.events -= len(positions)
            self.bytes -= size
        try:
            while self._leaving:
                step = json.dumps(self._leaving[:_DELETED_AT_ONCE])
                with self._using():
                    self._writer.execute(_DELETE, (step,))
                del self._leaving[:_DELETED_AT_ONCE]
        except _ERRORS as error:
            log.warning(
                "Delivered events stay in the spool for now",
                extra={"spool": self.path, "error": str(error)},
            )

    def recount(self) -> None:
        """Count the waiting events again: an interrupted append may have written its event."""
        with self._writing, suppress(*_ERRORS):
            leaving = json.dumps(self._leaving)
            self.events, self.bytes = self._writer.execute(_WAITING, (leaving,)).fetchone()

    def oldest(self) -> float | None:
        """Unix seconds at which the first waiting event was minted."""
        if not self.events:
            return None
        with _mapped_errors(self.path):
            row = self._reader.execute(_OLDEST).fetchone()
        return row and float(row[0])

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, once it is large.

        Emitting threads continue meanwhile. Only a writer that is faster than the checkpoint is
        blocked, for the short rest.
        """
        if _size(self._wal) < _WAL_LARGE:
            return
        with suppress(*_ERRORS):
            if self._move_log() or _size(self._wal) < _WAL_HUGE:
                return
            self._move_log()
            with self._using():
                self._move_log()

    def close(self) -> None:
        """Close the file without deleting it."""
        self._reader.close()
        with self._writing:
            self._writer.close()

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._writing:
            self._in_use = True
            try:
                yield
            finally:
                self._in_use = False

    def _move_log(self) -> bool:
        """Whether the whole log was moved; the next write then restarts it."""
        _, written, moved = self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return bool(written == moved)


def salvage(damaged: Path, sound: Path) -> int:
    """Copy the intact events of a damaged spool into a new one; return their number.

    Raises:
        SpoolUnavailable: the new spool cannot be written, or the damaged one not be opened.
    """
    with _mapped_errors(sound):
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
    """Rows before the damage, then rows after it."""
    front = 0
    with closing(sqlite3.connect(damaged)) as source:
        for direction in ("ASC", "DESC"):
            with _ignore_damage():
                for position, check, key, value, minted_at in source.execute(
                    _READ_ROWS + direction
                ):
                    if direction == "ASC":
                        front = position
                    elif position <= front:
                        break
                    if isinstance(value, bytes) and _crc(key, value) == check:
                        yield position, key.decode(), value, minted_at, check


@contextmanager
def _ignore_damage() -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        if _code(error) in _UNOPENED:  # the file may be intact
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
def _mapped_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        raise _map_error(path, error) from error


def _map_error(path: Path, error: Exception) -> SpoolUnavailable:
    message = f"The spool {path} cannot be used: {error}. Check SPOOL_FOLDER and its disk."
    code = _code(error)
    if code in _TEMPORARY:
        return SpoolUnavailable(message)
    return CorruptSpool(message) if code in _DAMAGE else BrokenSpool(message)


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & _PRIMARY
