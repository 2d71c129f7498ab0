"""Which rows of a batch are new, and which repeats differ from what was stored first."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from classwaves_warehouse.batch import Batch, Digests, Fingerprints, Mask

Lookup = Callable[[Digests], tuple[Mask, Fingerprints]]
"""Distinct digests in ascending order → which of them are stored, and their fingerprints (0 where not)."""


@dataclass(frozen=True, slots=True)
class Screening:
    """A verdict on each row of a batch; rows that are not fresh are duplicates, and some of those conflicting."""

    fresh: Mask
    conflicting: Mask


def screen(batch: Batch, stored: Lookup) -> Screening:
    """Compare a batch with what is stored and with itself: of one identity the stored row wins, then the first."""
    identities, first, identity_of = np.unique(
        batch.digests, return_index=True, return_inverse=True
    )
    known, fingerprints = stored(identities)
    winners = np.where(known, fingerprints, batch.fingerprints[first])
    fresh = np.zeros(len(batch), dtype=np.bool_)
    fresh[first[~known]] = True
    return Screening(fresh=fresh, conflicting=batch.fingerprints != winners[identity_of])
