"""Saving the intact events of a damaged spool."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from classwaves_ingestor.producer.spool_file import (
    APPEND,
    ERRORS,
    Destination,
    checksum,
    connect,
    create_tables,
    destination_of,
    mapped_errors,
    may_be_intact,
)

_READ_ROWS = (
    "SELECT position, crc, CAST(session_id AS BLOB), value, minted FROM events ORDER BY position "
)
_UNKNOWN = Destination("")


def salvage(damaged: Path, sound: Path) -> int:
    """Copy the intact events of a damaged spool into a new one; return their number.

    The new one keeps the destination. If that is damaged, it belongs to no topic.

    Raises:
        SpoolUnavailable: the new spool cannot be written, or the damaged one not be opened.
    """
    with mapped_errors(sound), closing(connect(sound)) as target:
        target.execute("BEGIN")
        create_tables(target, None)
        with closing(sqlite3.connect(damaged)) as source:
            target.executemany(APPEND, _intact(source))
            (events,) = target.execute("SELECT count(*) FROM events").fetchone()
            if events:
                create_tables(target, _destination(source))
        target.execute("COMMIT")
    return int(events)


def _intact(source: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    """Rows before the damage, then rows after it."""
    front = 0
    for direction in ("ASC", "DESC"):
        with _ignore_damage():
            for position, check, key, value, minted_at in source.execute(_READ_ROWS + direction):
                if direction == "ASC":
                    front = position
                elif position <= front:
                    break
                if isinstance(value, bytes) and checksum(key, value) == check:
                    yield position, key.decode(), value, minted_at, check


def _destination(source: sqlite3.Connection) -> Destination | None:
    with _ignore_damage():
        return destination_of(source)
    return _UNKNOWN


@contextmanager
def _ignore_damage() -> Iterator[None]:
    try:
        yield
    except ERRORS as error:
        if may_be_intact(error):
            raise
