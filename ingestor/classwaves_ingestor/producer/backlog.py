"""The spools that a process sends: orphans that it adopted, oldest first, and its own behind them."""

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from classwaves_ingestor.producer.claim import SPOOL, Claim, unclaimed
from classwaves_ingestor.producer.errors import SpoolUnavailable
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.spool import CorruptSpool, Spool, salvage
from classwaves_ingestor.producer.wal import is_damaged, wal_of
from classwaves_runtime.clock import Clock
from classwaves_schemas.identity import new_event_id

log = logging.getLogger(__name__)

ADOPTED_AT_ONCE = 64  # each takes a handful of open files
_REOPEN_SECONDS = 1.0
_POSTPONED_SECONDS = 30.0


@dataclass(frozen=True, eq=False)
class Held:
    """A spool and the right to it."""

    claim: Claim
    spool: Spool
    adopted: bool


class Postponed(NamedTuple):
    """Until when a spool is passed over, and why."""

    until: float
    reason: str


class Backlog:
    """All spools of one process.

    Args:
        folder: of the spools of all processes.
        max_bytes: how many bytes of messages may wait in the process's own.
        metrics: to count in.
        clock: says when to try again after a spool could not be made or adopted.
    """

    def __init__(
        self, folder: Path, max_bytes: int, metrics: PublisherMetrics, clock: Clock
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._metrics = metrics
        self._clock = clock
        self._changing = threading.RLock()
        self._own: Held | None = None
        self._others: list[Held] = []
        self._left: set[Path] = set()
        self._postponed: dict[Path, Postponed] = {}
        self._more = False
        self._reopen_at = float("-inf")
        self._refusal: SpoolUnavailable | None = None

    def own(self) -> Spool:
        """The spool to append to, made if there is none.

        Raises:
            SpoolUnavailable: it cannot be made.
        """
        own = self._own
        if own is None:
            with self._changing:
                own = self._own = self._own or self._begin()
        return own.spool

    def retire(self, spool: Spool) -> bool:
        """Append to this one no more; it is sent like one that was adopted. False if it was retired before."""
        with self._changing:
            if self._own is None or self._own.spool is not spool:
                return False
            spool.seal()
            self._others.append(self._own)
            self._own = None
            return True

    def retire_vanished(self) -> None:
        """Append no more to a file that somebody removed: what it holds can be sent, but does not survive us."""
        own = self._own
        if own is not None and not own.spool.path.exists():
            log.error("the spool was removed while it was in use", extra={"spool": own.spool.path})
            self.retire(own.spool)

    def adopt(self) -> None:
        """Claim the orphans there are. Those that are damaged are set aside, and what is intact of them adopted.

        One with which that fails, on a full disk for example, is looked at again after a while.
        """
        try:
            paths = unclaimed(self._folder)
        except OSError as error:
            log.warning(
                "orphans cannot be looked for",
                extra={"folder": self._folder, "error": error.strerror},
            )
            return
        with self._changing:
            there = set(paths)
            self._left &= there
            self._postponed = {
                path: each for path, each in self._postponed.items() if path in there
            }
        now = self._clock.monotonic()
        self._more = False
        for path in paths:
            if len(self._others) >= ADOPTED_AT_ONCE:
                self._more = True
                break
            if path not in self._left and (
                path not in self._postponed or self._postponed[path].until <= now
            ):
                self._adopt(path)

    def left(self) -> int:
        """How many spools this process does not send, for now or because Kafka refused what is in them."""
        return len(self._left) + len(self._postponed)

    def spools(self) -> list[Held]:
        """All, in the order in which to send."""
        with self._changing:
            return [*self._others, self._own] if self._own else [*self._others]

    def own_events(self) -> int:
        """How many events that this process emitted wait in its spools."""
        return sum(held.spool.events for held in self.spools() if not held.adopted)

    def finish(self, held: Held) -> None:
        """All of this spool was read, after it was sealed: it goes, and makes room for an orphan that had none."""
        self._let_go(held)
        if self._more:
            self.adopt()

    def set_aside(self, held: Held) -> None:
        """Keep a damaged spool under another name, and what is intact of it for sending."""
        self.retire(held.spool)
        self._close(held)
        self._salvage(held.claim)

    def close(self) -> None:
        """Let go of all; what waits is for the next process."""
        for held in self.spools():
            self._let_go(held)
        self._own = None

    def disown(self) -> None:
        """In a forked child, where no lock can be waited for: leave all to the parent."""
        for held in [*self._others, *([self._own] if self._own else [])]:
            held.claim.release()

    def _begin(self) -> Held:
        now = self._clock.monotonic()
        if self._refusal is not None and now < self._reopen_at:
            raise SpoolUnavailable(str(self._refusal))
        self._reopen_at = now + _REOPEN_SECONDS
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A sibling may sweep the lock up as an orphan's remains before we have it.
            while (claim := Claim.take(self._folder / f"{new_event_id()}{SPOOL}")) is None:
                pass
            try:
                return Held(claim, Spool(claim.path, self._max_bytes), adopted=False)
            except SpoolUnavailable:
                self._remove(claim)
                raise
        except OSError as error:
            self._refusal = SpoolUnavailable(
                f"No spool can be made in {self._folder} ({error.strerror}); check SPOOL_FOLDER and its disk."
            )
            raise self._refusal from error
        except SpoolUnavailable as error:
            self._refusal = error
            raise

    def _adopt(self, path: Path) -> None:
        try:
            claim = Claim.take(path)
        except OSError as error:
            self._postpone(path, error)
            return
        if claim is None:
            self._postponed.pop(path, None)
            return
        if not path.exists():  # its owner died while it removed it
            self._remove(claim)
            return
        try:
            if is_damaged(wal_of(path)):
                self._begin_log_anew(claim)
            self._take_over(Held(claim, Spool(path, self._max_bytes), adopted=True))
        except CorruptSpool:
            self._salvage(claim)
        except (OSError, SpoolUnavailable) as error:
            self._put_back(claim, error)

    def _begin_log_anew(self, claim: Claim) -> None:
        """Keep a copy of a spool whose log SQLite reads only up to its damage, and go on with what it reads."""
        aside = claim.copy_aside()
        spool = Spool(claim.path, self._max_bytes)
        readable = spool.events
        spool.close()  # by which SQLite empties the log: the damage is not met a second time
        self._metrics.corrupt()
        log.error(
            "a spool's log is damaged: a copy was set aside",
            extra={"spool": aside, "readable_events": readable},
        )

    def _salvage(self, claim: Claim) -> None:
        """Adopt what is intact of a damaged spool, as a spool of its own, and give the damaged one another name."""
        try:
            sound = Claim.take(claim.path.with_name(f"{claim.path.stem}-salvaged{SPOOL}"))
        except OSError as error:
            self._put_back(claim, error)
            return
        if sound is None:
            claim.release()
            return
        try:
            events = salvage(claim.path, sound.path)
            aside = claim.set_aside()
        except (OSError, SpoolUnavailable) as error:
            self._remove(sound)
            self._put_back(claim, error)
        else:
            self._metrics.corrupt()
            log.error(
                "a spool is damaged: it was set aside",
                extra={"spool": aside, "intact_events": events},
            )
            sound.release()
            self._adopt(sound.path)

    def _take_over(self, held: Held) -> None:
        log.info("adopted a spool", extra={"spool": held.spool.path, "events": held.spool.events})
        self._postponed.pop(held.spool.path, None)
        self._metrics.adopted(held.spool.events)
        held.spool.seal()
        with self._changing:
            self._others.append(held)

    def _let_go(self, held: Held) -> None:
        self._close(held)
        if held.spool.events:
            log.warning(
                "a spool is left for the next process",
                extra={"spool": held.spool.path, "events": held.spool.events},
            )
            self._left.add(held.spool.path)
            held.claim.release()
        else:
            self._remove(held.claim)

    def _close(self, held: Held) -> None:
        with self._changing, suppress(ValueError):
            self._others.remove(held)
        held.spool.close()

    def _remove(self, claim: Claim) -> None:
        try:
            claim.discard()
        except OSError as error:
            self._put_back(claim, error)

    def _put_back(self, claim: Claim, error: Exception) -> None:
        """Leave a spool to others, and look at it again later."""
        self._postpone(claim.path, error)
        claim.release()

    def _postpone(self, path: Path, error: Exception) -> None:
        """Look at a spool again later; the log tells of it once for each reason."""
        before, reason = self._postponed.get(path), str(error)
        if before is None or before.reason != reason:
            log.warning(
                "a spool cannot be taken over for now", extra={"spool": path, "reason": reason}
            )
        self._postponed[path] = Postponed(self._clock.monotonic() + _POSTPONED_SECONDS, reason)
