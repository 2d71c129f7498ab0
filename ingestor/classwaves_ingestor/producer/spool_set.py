"""The spools that a process sends: adopted orphans, oldest first, then its own."""

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from classwaves_ingestor.producer import greenlets
from classwaves_ingestor.producer.errors import SpoolUnavailable
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.salvage import salvage
from classwaves_ingestor.producer.spool import Spool
from classwaves_ingestor.producer.spool_file import CorruptSpool, OtherDestination
from classwaves_ingestor.producer.spool_lock import SPOOL, SpoolLock, unlocked_spools
from classwaves_ingestor.producer.wal import is_damaged, wal_of
from classwaves_runtime.clock import Clock
from classwaves_schemas.identity import new_event_id

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class OpenSpool:
    """An open spool with its lock."""

    lock: SpoolLock
    spool: Spool
    adopted: bool


class Postponed(NamedTuple):
    """The time until which a spool is skipped, and the reason."""

    until: float
    reason: str


class SpoolSet:
    """All spools of one process: adopted ones, and its own, one per lane.

    Args:
        folder: spool folder of all processes.
        max_bytes: limit of waiting message bytes in the process's own spool.
        topic: topic of the events. Spools of another topic are skipped.
        metrics: of the publisher.
        clock: paces retries after a spool could not be created or adopted.
        adopted_at_once: limit of adopted spools; each needs several open files.
        create_retry_seconds: wait after a spool could not be created.
        adopt_retry_seconds: wait after a spool could not be adopted.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        topic: str,
        metrics: PublisherMetrics,
        clock: Clock,
        *,
        adopted_at_once: int = 64,
        create_retry_seconds: float = 1.0,
        adopt_retry_seconds: float = 30.0,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._topic = topic
        self._metrics = metrics
        self._clock = clock
        self._adopted_at_once = adopted_at_once
        self._create_retry_seconds = create_retry_seconds
        self._adopt_retry_seconds = adopt_retry_seconds
        self.cluster_id: str | None = None
        """The connected cluster, once it is known. Spools of another one are skipped."""
        self._changing = threading.RLock()
        self._own: dict[int, OpenSpool] = {}
        self._sealed: list[OpenSpool] = []  # adopted ones and retired own ones
        self._left: set[Path] = set()
        self._postponed: dict[Path, Postponed] = {}
        self._more = False
        self._reopen_at = float("-inf")
        self._create_error: SpoolUnavailable | None = None

    def own_spool(self, lane: int = 0) -> Spool:
        """The process's own spool of a lane, created on demand.

        Args:
            lane: number of the lane, which one thread at a time uses.

        Raises:
            SpoolUnavailable: it cannot be created.
        """
        own = self._own.get(lane)
        if own is None:
            own = self._own[lane] = self._create_own()
        return own.spool

    def retire(self, spool: Spool) -> bool:
        """Stop appending to this spool; it is sent like an adopted one. False if retired before."""
        with self._changing:
            for lane, own in self._own.copy().items():
                if own.spool is spool:
                    spool.seal()
                    self._sealed.append(own)
                    del self._own[lane]
                    return True
            return False

    def retire_vanished(self) -> None:
        """Retire a spool with a deleted file: its events can be sent, but not survive a crash."""
        for own in self._own.copy().values():
            if not own.spool.path.exists():
                log.error(
                    "The spool file was deleted while in use", extra={"spool": own.spool.path}
                )
                self.retire(own.spool)

    def adopt(self) -> None:
        """Adopt all orphans. Damaged ones are set aside, and their intact events adopted.

        A failed adoption, on a full disk for example, is retried later.
        """
        try:
            paths = unlocked_spools(self._folder)
        except OSError as error:
            log.warning(
                "The spool folder cannot be searched for orphans",
                extra={"folder": self._folder, "error": error.strerror},
            )
            return
        with self._changing:
            present = set(paths)
            self._left &= present
            self._postponed = {
                path: each for path, each in self._postponed.items() if path in present
            }
        now = self._clock.monotonic()
        self._more = False
        for path in paths:
            if len(self._sealed) >= self._adopted_at_once:
                self._more = True
                break
            if path not in self._left and (
                path not in self._postponed or self._postponed[path].until <= now
            ):
                self._adopt(path)

    def skipped(self) -> int:
        """The number of skipped spools: to be retried, or with events that Kafka refused."""
        return len(self._left) + len(self._postponed)

    def held_back(self) -> int:
        """The number of open spools whose events belong to another cluster."""
        return sum(each.spool.belongs_elsewhere(self.cluster_id) for each in self.spools())

    def spools(self) -> list[OpenSpool]:
        """All spools, in sending order; never waits.

        Those of further lanes have few events and come before the first lane's.
        """
        own = self._own.copy()  # before the sealed ones: `retire` adds a spool there first
        sealed = self._sealed.copy()
        return sealed + [own[lane] for lane in sorted(own, reverse=True) if own[lane] not in sealed]

    def own_events(self) -> int:
        """The number of waiting events that this process emitted."""
        return sum(opened.spool.events for opened in self.spools() if not opened.adopted)

    def finish(self, opened: OpenSpool) -> None:
        """Remove a sealed spool that was read to its end, and adopt the next orphan."""
        self._release(opened)
        if self._more:
            self.adopt()

    def give_back(self, opened: OpenSpool, error: OtherDestination) -> None:
        """Leave an adopted spool to a process that is connected to its cluster."""
        self._close(opened)
        self._postpone_and_release(opened.lock, error)

    def set_aside(self, opened: OpenSpool) -> None:
        """Rename a damaged spool, and keep its intact events for sending."""
        self.retire(opened.spool)
        self._close(opened)
        self._salvage(opened.lock)

    def close(self) -> None:
        """Close all spools; waiting events are left to the next process."""
        for opened in self.spools():
            self._release(opened)
        self._own.clear()

    def after_fork_in_child(self) -> None:
        """Leave all spools to the parent process, without waiting for any lock."""
        for opened in self.spools():
            opened.lock.release()

    def _create_own(self) -> OpenSpool:
        now = self._clock.monotonic()
        if self._create_error is not None and now < self._reopen_at:
            raise SpoolUnavailable(str(self._create_error))
        self._reopen_at = now + self._create_retry_seconds
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Another process may delete the lock file as an orphan's before we hold it.
            while (lock := SpoolLock.take(self._folder / f"{new_event_id()}{SPOOL}")) is None:
                pass
            try:
                return OpenSpool(lock, self._open(lock.path), adopted=False)
            except SpoolUnavailable:
                self._remove(lock)
                raise
        except OSError as error:
            self._create_error = SpoolUnavailable(
                f"No spool can be created in {self._folder} ({error.strerror}); check SPOOL_FOLDER "
                "and its disk."
            )
            raise self._create_error from error
        except SpoolUnavailable as error:
            self._create_error = error
            raise

    def _adopt(self, path: Path) -> None:
        try:
            lock = SpoolLock.take(path)
        except OSError as error:
            self._postpone(path, error)
            return
        if lock is None:
            self._postponed.pop(path, None)
            return
        if not path.exists():  # its owner died while deleting it
            self._remove(lock)
            return
        try:
            if greenlets.run_long(is_damaged, wal_of(path)):
                self._reset_log(lock)
            self._take_over(OpenSpool(lock, self._open(path), adopted=True))
        except CorruptSpool:
            self._salvage(lock)
        except (OSError, SpoolUnavailable) as error:
            self._postpone_and_release(lock, error)

    def _open(self, path: Path) -> Spool:
        spool = Spool(path, self._max_bytes, self._topic)
        try:
            spool.require_cluster(self.cluster_id)
        except OtherDestination:
            spool.close()
            raise
        return spool

    def _reset_log(self, lock: SpoolLock) -> None:
        """Copy a spool with a damaged write-ahead log, and continue with the readable events."""
        aside = lock.copy_aside()
        readable = None
        with suppress(OtherDestination):  # the next attempt to open it finds that again
            spool = self._open(lock.path)
            readable = spool.events
            spool.close()
        # SQLite has emptied the log: the damage is gone.
        self._metrics.corrupt()
        log.error(
            "The write-ahead log of a spool is damaged; a copy was set aside",
            extra={"spool": aside, "readable_events": readable},
        )

    def _salvage(self, lock: SpoolLock) -> None:
        """Adopt the intact events of a damaged spool as a new spool, and rename the damaged one."""
        try:
            sound = SpoolLock.take(lock.path.with_name(f"{lock.path.stem}-salvaged{SPOOL}"))
        except OSError as error:
            self._postpone_and_release(lock, error)
            return
        if sound is None:
            lock.release()
            return
        try:
            events = greenlets.run_long(salvage, lock.path, sound.path)
            aside = lock.set_aside()
        except (OSError, SpoolUnavailable) as error:
            self._remove(sound)
            self._postpone_and_release(lock, error)
        else:
            self._metrics.corrupt()
            log.error(
                "A spool is damaged and was set aside",
                extra={"spool": aside, "intact_events": events},
            )
            sound.release()
            self._adopt(sound.path)

    def _take_over(self, opened: OpenSpool) -> None:
        log.info(
            "Adopted a spool", extra={"spool": opened.spool.path, "events": opened.spool.events}
        )
        self._postponed.pop(opened.spool.path, None)
        self._metrics.adopted(opened.spool.events)
        opened.spool.seal()
        with self._changing:
            self._sealed.append(opened)

    def _release(self, opened: OpenSpool) -> None:
        self._close(opened)
        if opened.spool.events:
            log.warning(
                "A spool is left for the next process",
                extra={"spool": opened.spool.path, "events": opened.spool.events},
            )
            self._left.add(opened.spool.path)
            opened.lock.release()
        else:
            self._remove(opened.lock)

    def _close(self, opened: OpenSpool) -> None:
        with self._changing, suppress(ValueError):
            self._sealed.remove(opened)
        opened.spool.close()

    def _remove(self, lock: SpoolLock) -> None:
        try:
            lock.discard()
        except OSError as error:
            self._postpone_and_release(lock, error)

    def _postpone_and_release(self, lock: SpoolLock, error: Exception) -> None:
        """Release a spool, and retry it later."""
        self._postpone(lock.path, error)
        lock.release()

    def _postpone(self, path: Path, error: Exception) -> None:
        """Retry a spool later; log each reason once."""
        before, reason = self._postponed.get(path), str(error)
        if before is None or before.reason != reason:
            log.warning(
                "A spool cannot be adopted for now", extra={"spool": path, "reason": reason}
            )
        retry_at = self._clock.monotonic() + self._adopt_retry_seconds
        self._postponed[path] = Postponed(retry_at, reason)
