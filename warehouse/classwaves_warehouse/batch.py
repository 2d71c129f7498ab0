"""A micro-batch: rows as columns, with the digests by which the warehouse tells one event from another."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest, xxh3_128_digest

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.lanes import lanes_of

ROWS = arrow_schema(SESSION_EVENTS)
"""The Arrow schema of session_events."""

Digests = npt.NDArray[np.bytes_]
"""xxh3-128 of each (session_id, id), dtype S16. Two events of 10^12 share one with a probability of about 10^-15."""

Fingerprints = npt.NDArray[np.uint64]
"""xxh3-64 of each (event_time, payload): a repeat with another one is *conflicting*."""

_PIECE = 4096  # rows that are Python objects at a time

Mask = npt.NDArray[np.bool_]


class Batch:
    """Rows of session_events in their order of arrival, or in their order in the table.

    Args:
        rows: a table with the Arrow schema of session_events. Not copied, never changed.
    """

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @cached_property
    def digests(self) -> Digests:
        """The identity of each row."""
        return digests(self.rows)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """What a repeat of each row must equal."""
        return fingerprints(self.rows)

    @cached_property
    def lanes(self) -> npt.NDArray[np.uint8]:
        """The lane of each row's session."""
        sessions = pc.dictionary_encode(self.rows.column("session_id").combine_chunks())
        places: npt.NDArray[np.int32] = sessions.indices.to_numpy(zero_copy_only=False)
        return np.take(lanes_of(sessions.dictionary.to_pylist()), places)

    @cached_property
    def partitions(self) -> npt.NDArray[np.int32]:
        """The Kafka partition of each row."""
        partitions: npt.NDArray[np.int32] = self.rows.column("kafka_partition").to_numpy()
        return partitions

    def count_by_partition(self, mask: Mask) -> Mapping[int, int]:
        """How many of the masked rows each partition has; partitions without any are left out."""
        partitions, counts = np.unique(self.partitions[mask], return_counts=True)
        return dict(zip(partitions.tolist(), counts.tolist(), strict=True))

    def take(self, indices: npt.NDArray[np.int64]) -> "Batch":
        """The rows at these places, in this order, with the digests that are known already."""
        taken = Batch(self.rows.take(pa.array(indices)))
        for name in ("digests", "fingerprints", "lanes", "partitions"):
            if name in self.__dict__:
                taken.__dict__[name] = self.__dict__[name][indices]
        return taken

    def where(self, mask: Mask) -> "Batch":
        """The masked rows; the batch itself if that is all of them."""
        return self if bool(mask.all()) else self.take(np.flatnonzero(mask))


def digests(rows: pa.Table) -> Digests:
    """The identity of each row of a table that has session_id and id."""
    return np.frombuffer(
        b"".join(map(_digests, rows.select(["session_id", "id"]).to_batches(_PIECE))), dtype="S16"
    )


def fingerprints(rows: pa.Table) -> Fingerprints:
    """The fingerprint of each row of a table that has event_time and payload."""
    pieces = rows.select(["event_time", "payload"]).to_batches(_PIECE)
    return np.concatenate([np.empty(0, np.uint64), *map(_fingerprints, pieces)])


def _digests(piece: pa.RecordBatch) -> bytes:
    sessions, ids = (column.to_pylist() for column in piece.columns)
    # The length of the session id keeps ("ab", "c") and ("a", "bc") apart whatever characters they hold.
    return b"".join(
        [
            xxh3_128_digest(f"{len(session)}:{session}{id_}".encode())
            for session, id_ in zip(sessions, ids, strict=True)
        ]
    )


def _fingerprints(piece: pa.RecordBatch) -> Fingerprints:
    times, payloads = (
        piece.column("event_time").cast(pa.int64()).to_pylist(),
        piece.column("payload").to_pylist(),
    )
    return np.array(
        [
            xxh3_64_intdigest(f"{time}:{payload}".encode())
            for time, payload in zip(times, payloads, strict=True)
        ],
        dtype=np.uint64,
    )
