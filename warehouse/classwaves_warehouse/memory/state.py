"""What all ledgers and readers of one memory warehouse share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Literal

import numpy as np
import pyarrow as pa

from classwaves_schemas.tables import SESSION_EVENTS, TABLES
from classwaves_warehouse.batch import Digests, Found
from classwaves_warehouse.checkpoint import Checkpoint, ingested_through
from classwaves_warehouse.memory.tables import VersionedTables

OnCommit = Callable[[Literal["before", "after"]], None]


def ignore(_moment: Literal["before", "after"]) -> None:
    """Do nothing at a commit."""


@dataclass(slots=True)
class MemoryState:
    """Tables, identities, checkpoints and topic ids.

    Args:
        on_commit: called before and after every commit.
        lock: protects identities, checkpoints and topic ids.
        tables: all tables in all versions.
        stored: fingerprint and origin by identity, of the rows of session_events.
        checkpoints: by (group, topic id) and partition.
        topic_ids: the accepted topic ids, by (group, topic).
    """

    on_commit: OnCommit
    lock: Lock = field(default_factory=Lock)
    tables: VersionedTables = field(default_factory=lambda: VersionedTables(TABLES))
    stored: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    checkpoints: dict[tuple[str, str], dict[int, Checkpoint]] = field(default_factory=dict)
    topic_ids: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def lookup(self, identities: Digests) -> Found:
        """What is stored under these identities."""
        known = np.array([identity in self.stored for identity in identities.tolist()], np.bool_)
        stored = [self.stored.get(identity, (0, 0)) for identity in identities.tolist()]
        fingerprints, origins = np.array(stored, np.uint64).reshape(-1, 2).T
        return Found(known, fingerprints, origins)

    def event_rows(self) -> pa.Table:
        """The latest rows of session_events."""
        return self.tables.rows(SESSION_EVENTS, self.event_version())

    def event_version(self) -> int:
        """The latest version of session_events."""
        return self.tables.version(SESSION_EVENTS) or 0

    def ingested_through(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """See `RollupStore.ingested_through`."""
        with self.lock:
            return ingested_through(
                [
                    self.checkpoints.get((group, topic_id), {})
                    for topic_id in self.topic_ids.get((group, topic), ())
                ]
            )
