"""Sorted runs: identities that can be added to in small steps and searched in a few."""

from typing import Final

import numpy as np

from classwaves_warehouse.batch import Digests, Fingerprints, Mask
from classwaves_warehouse.delta.identities import Hours, Identities

_MERGE_FACTOR: Final = 4
"""A run is merged with its newer neighbour unless it is this many times as long: about log4(size) runs are searched."""


class Runs:
    """A log-structured merge tree of identities, newest run last."""

    def __init__(self) -> None:
        self._runs: list[Identities] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, identities: Identities) -> None:
        """Take these in, in any order."""
        if not len(identities):
            return
        run = identities.in_order()
        while self._runs and len(self._runs[-1]) < _MERGE_FACTOR * len(run):
            run = self._runs.pop().merged(run)
        self._runs.append(run)

    def find(self, wanted: Digests) -> tuple[Mask, Fingerprints]:
        """Which of these digests (ascending: five times as fast as unsorted) are held, and their fingerprints."""
        known = np.zeros(len(wanted), dtype=np.bool_)
        fingerprints = np.zeros(len(wanted), dtype=np.uint64)
        for run in self._runs:
            places = np.searchsorted(run.digests, wanted)
            places[places == len(run)] = 0
            hits = run.digests[places] == wanted
            fingerprints[hits] = run.fingerprints[places[hits]]
            known |= hits
        return known, fingerprints

    def count_by_hour(self) -> dict[int, int]:
        """How many identities of each hour are held."""
        hours, counts = np.unique(Identities.concatenated(self._runs).hours, return_counts=True)
        return dict(zip(hours.tolist(), counts.tolist(), strict=True))

    def drop(self, hours: Hours) -> None:
        """Let go of the identities of these hours."""
        kept = (run.take(~np.isin(run.hours, hours)) for run in self._runs)
        self._runs = [run for run in kept if len(run)]
