"""The bounded identity index: which events are stored, without asking the table each time.

It is complete for the hours (of event_time) that it covers and holds nothing of any other. A batch needs the hours
from 24 before to 24 after each of its own; those that are not covered yet are read from the table.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from classwaves_warehouse.batch import Batch, Digests, Fingerprints, Mask
from classwaves_warehouse.delta.identities import Hours, Identities, hours_of
from classwaves_warehouse.delta.runs import Runs
from classwaves_warehouse.screening import Screening, screen

CAPACITY: Final = 2_000_000
"""Identities held at most, at 28 bytes each."""

_REACH: Final = np.arange(-24, 25, dtype=np.int32)

Read = Callable[[Hours], Iterator[Identities]]
"""The identities of these hours that the table holds, in pieces."""


class IdentityIndex:
    """Identities of the hours that were needed most recently.

    Args:
        capacity: identities held at most; while hours are read, as many again. A batch whose hours hold more is
            screened correctly, but reads the table again.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.forget()

    def forget(self) -> None:
        """Start over: cover nothing."""
        self._runs = Runs()
        self._needed_at: dict[int, int] = {}
        self._now = 0

    def screen(self, batch: Batch, read: Read) -> Screening:
        """Tell the batch's new rows from repeats, whether of the table or within the batch."""
        self._now += 1
        needed = np.unique(np.unique(hours_of(batch.rows))[:, np.newaxis] + _REACH)
        missing = np.array(
            [hour for hour in needed.tolist() if hour not in self._needed_at], dtype=np.int32
        )
        self._needed_at.update(
            (hour, self._now) for hour in needed.tolist() if hour in self._needed_at
        )
        return screen(batch, lambda wanted: self._stored(wanted, missing, read))

    def admit(self, identities: Identities) -> None:
        """Take in identities that the table has come to hold and the index does not."""
        covered = np.fromiter(self._needed_at, dtype=np.int32, count=len(self._needed_at))
        self._runs.add(identities.take(np.isin(identities.hours, covered)))
        self._shrink()

    def learn(self, identities: Identities) -> None:
        """Take in those of these identities, all held by the table, that the index does not hold yet."""
        ordered = identities.in_order()
        known, _ = self._runs.find(ordered.digests)
        self.admit(ordered.take(~known))

    def _stored(self, wanted: Digests, missing: Hours, read: Read) -> tuple[Mask, Fingerprints]:
        known, fingerprints = self._runs.find(wanted)
        if not len(missing):
            return known, fingerprints
        pieces: list[Identities] | None = []
        for piece in read(missing):
            places = np.minimum(np.searchsorted(wanted, piece.digests), len(wanted) - 1)
            hits = wanted[places] == piece.digests
            known[places[hits]] = True
            fingerprints[places[hits]] = piece.fingerprints[hits]
            if pieces is not None:
                pieces.append(piece)
                if sum(map(len, pieces)) > self._capacity:
                    pieces = None
        if pieces is not None:
            self._runs.add(Identities.concatenated(pieces))
            self._needed_at.update(dict.fromkeys(missing.tolist(), self._now))
            self._shrink()
        return known, fingerprints

    def _shrink(self) -> None:
        """Give up the least recently needed hours, an eighth of the capacity at a time so that it happens rarely."""
        excess = len(self._runs) - self._capacity
        if excess <= 0:
            return
        counts = self._runs.count_by_hour()
        victims: list[int] = []
        freed = 0
        for hour in sorted(counts, key=lambda hour: (self._needed_at[hour], hour)):
            enough = (
                excess if self._needed_at[hour] == self._now else max(excess, self._capacity // 8)
            )
            if freed >= enough:
                break
            victims.append(hour)
            freed += counts[hour]
        self._runs.drop(np.array(victims, dtype=np.int32))
        for hour in victims:
            del self._needed_at[hour]
