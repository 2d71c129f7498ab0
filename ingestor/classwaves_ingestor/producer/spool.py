"""The spool: a file of events, written before `emit` returns, removed once Kafka has them."""

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from classwaves_ingestor.producer import greenlets
from classwaves_ingestor.producer.errors import SpoolFull, SpoolUnavailable
from classwaves_ingestor.producer.spool_file import (
    APPEND,
    ERRORS,
    LOG_LARGE,
    BrokenSpool,
    CorruptSpool,
    Destination,
    OtherDestination,
    checksum,
    connect,
    create_tables,
    destination_of,
    map_error,
    mapped_errors,
)
from classwaves_ingestor.producer.wal import wal_of

log = logging.getLogger(__name__)

_DELETED_AT_ONCE = 100  # an emit waits for at most one such step
_LOG_HUGE = 8 * LOG_LARGE
_FILE_LARGE = 64 * 1024 * 1024
_HELP = "the section about other topics and clusters in docs/publisher.md"

_DELETE = "DELETE FROM events WHERE position IN (SELECT value FROM json_each(?))"
_DEPTH = "SELECT count(*), coalesce(sum(length(value)), 0), coalesce(max(position), 0) FROM events"
_WAITING = """
SELECT count(*), coalesce(sum(length(value)), 0) FROM events
WHERE position NOT IN (SELECT value FROM json_each(?))"""
_REMEMBER = "UPDATE destination SET cluster_id = ?"
_OLDEST = "SELECT minted FROM events ORDER BY position LIMIT 1"
# One row: a row per event would take the interpreter lock from an emitting thread each time.
# Messages and session ids never contain a line feed.
_READ = """
SELECT group_concat(position, x'0a'), group_concat(crc, x'0a'),
       CAST(group_concat(session_id, x'0a') AS BLOB), CAST(group_concat(value, x'0a') AS BLOB)
FROM (SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?)"""


class Event(NamedTuple):
    """A spooled event."""

    position: int
    key: bytes
    value: bytes


class SpoolInUse(SpoolUnavailable):
    """A signal handler or finalizer interrupted this thread in a change of the spool."""


class Spool:
    """One SQLite file with the events of one process, in the order of their `append`.

    One thread may append while another reads and removes. Both write through one connection, under
    a lock per statement; reads have a second one.

    Args:
        path: path of the file, which is created if missing.
        max_bytes: limit of waiting message bytes.
        topic: topic of the events. A file of version 0.1.0, which names none, takes it on.

    Raises:
        OtherDestination: the file has events of another topic.
        CorruptSpool: the file is damaged or not a spool.
        SpoolUnavailable: the file cannot be opened or created.
    """

    def __init__(self, path: Path, max_bytes: int, topic: str) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._wal = wal_of(path)
        self._writing = threading.RLock()
        self._in_use = False
        self._read_through = 0
        self._leaving: list[int] = []
        self.sealed = False
        with mapped_errors(path), ExitStack() as opened:
            self._writer = opened.enter_context(closing(connect(path)))
            self._reader = opened.enter_context(closing(connect(path)))
            self.cluster_id = self._open_for(topic).cluster_id
            """The cluster that acknowledged the first event; None before that."""
            self.events, self.bytes, self._last = self._writer.execute(_DEPTH).fetchone()
            opened.pop_all()

    def belongs_elsewhere(self, cluster_id: str | None) -> bool:
        """Whether the events belong to another cluster than this one, if both are known."""
        return None not in (cluster_id, self.cluster_id) and cluster_id != self.cluster_id

    def require_cluster(self, cluster_id: str | None) -> None:
        """Check that the events belong to the connected cluster, if both are known.

        Raises:
            OtherDestination: they belong to another cluster.
        """
        if self.belongs_elsewhere(cluster_id):
            raise OtherDestination(
                f"The events in {self.path} belong to the Kafka cluster {self.cluster_id}, and "
                f"KAFKA_BOOTSTRAP_SERVERS names the cluster {cluster_id}. Nothing of this spool is "
                f"sent there. Restore KAFKA_BOOTSTRAP_SERVERS, or see {_HELP}."
            )

    def remember_cluster(self, cluster_id: str) -> None:
        """Remember the cluster that acknowledged the first event."""
        with suppress(*ERRORS), self._using():  # a full disk: the next acknowledgement repeats it
            self._writer.execute(_REMEMBER, (cluster_id,))
            self.cluster_id = cluster_id

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
            SpoolUnavailable: the event is not written; after BrokenSpool it may be written, and
                nothing more can be appended.
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
                    APPEND, (position, key, value, minted_at, checksum(key.encode(), value))
                )
            except ERRORS as error:
                raise map_error(self.path, error) from error
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
        with mapped_errors(self.path):
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
            if checksum(event.key, event.value) != int(check):
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
        except ERRORS as error:
            log.warning(
                "Delivered events stay in the spool for now",
                extra={"spool": self.path, "error": str(error)},
            )

    def recount(self) -> None:
        """Count the waiting events again: an interrupted append may have written its event."""
        with self._writing, suppress(*ERRORS):
            leaving = json.dumps(self._leaving)
            self.events, self.bytes = self._writer.execute(_WAITING, (leaving,)).fetchone()

    def oldest(self) -> float | None:
        """Unix seconds at which the first waiting event was minted."""
        if not self.events:
            return None
        with mapped_errors(self.path):
            row = self._reader.execute(_OLDEST).fetchone()
        return row and float(row[0])

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, once it is large.

        Emitting threads continue meanwhile. Only a writer that is faster than the checkpoint is
        blocked, for the short rest.
        """
        if _size(self._wal) < LOG_LARGE:
            return
        with suppress(*ERRORS):
            if greenlets.run_long(self._move_log) or _size(self._wal) < _LOG_HUGE:
                return
            greenlets.run_long(self._move_log)
            with self._using():
                self._move_log()

    def close(self) -> None:
        """Close the file without deleting it."""
        self._reader.close()
        with self._writing:
            self._writer.close()

    def _open_for(self, topic: str) -> Destination:
        found = destination_of(self._writer)
        if found is None:
            found = Destination(topic)
            self._writer.execute("BEGIN IMMEDIATE")
            create_tables(self._writer, found)
            self._writer.execute("COMMIT")
        elif found.topic != topic:
            raise OtherDestination(
                f"The events in {self.path} belong to the topic {found.topic}, and this process "
                f"sends to {topic}. Start a process with SESSION_EVENTS_TOPIC={found.topic} and "
                f"this SPOOL_FOLDER, or see {_HELP}."
                if found.topic
                else f"The topic of the events in {self.path} was damaged. See {_HELP}."
            )
        return found

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


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
