"""Rows of session_events as columns, with their digests, id shards, order and repeats."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest, xxh3_128_digest

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.offset_sums import OffsetSums

ROWS: Final = arrow_schema(SESSION_EVENTS)
"""The Arrow schema of session_events."""

TIMELINE: Final = ("event_time", "source", "sequence", "id")
"""The order of a session's events: by time, then by each source's sequence, then by id."""

ID_SHARDS: Final = 60
"""Number of id shards, see `id_shards_of`."""

Digests = npt.NDArray[np.bytes_]
"""xxh3-128 of each (session_id, id), dtype S16. A collision among 10^12 events has p = 10^-15."""

Fingerprints = npt.NDArray[np.uint64]
"""xxh3-64 of each (event_time, payload). A repeat with another fingerprint is *conflicting*."""

Origins = npt.NDArray[np.uint64]
"""The message that each row was read from: topic id, partition and offset as one number."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Found:
    """What is stored under each of some identities; 0 for those that are not stored."""

    known: Mask
    fingerprints: Fingerprints
    origins: Origins

    @classmethod
    def none(cls, count: int) -> "Found":
        """Nothing stored under any of `count` identities."""
        return cls(
            np.zeros(count, np.bool_), np.zeros(count, np.uint64), np.zeros(count, np.uint64)
        )

    def add(
        self,
        rows: npt.NDArray[np.int64],
        fingerprints: Fingerprints,
        origins: Origins,
        stored: npt.NDArray[np.int64],
    ) -> None:
        """Add identities that were found.

        Args:
            rows: indices of the identities.
            fingerprints: of what is stored.
            origins: of what is stored.
            stored: for each of `rows`, its index in those two.
        """
        self.known[rows] = True
        self.fingerprints[rows] = fingerprints[stored]
        self.origins[rows] = origins[stored]

    def update(self, other: "Found") -> None:
        """Add what another search for the same identities found."""
        rows = np.flatnonzero(other.known)
        self.add(rows, other.fingerprints, other.origins, rows)


Lookup = Callable[[Digests], Found]
"""Distinct ascending digests → what is stored under them."""

_CHUNK_ROWS: Final = 4096  # rows that are Python objects at the same time
_MURMUR2_SEED: Final = np.uint32(0x9747B28C)
_MURMUR2_M: Final = np.uint32(0x5BD1E995)


class Batch:
    """Rows of session_events, in their order of arrival or in table order.

    Args:
        rows: a table with the Arrow schema of session_events. Neither copied nor changed.
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
        """The fingerprint of each row, which a repeat should share."""
        return fingerprints(self.rows)

    @cached_property
    def origins(self) -> Origins:
        """The message that each row was read from."""
        return origins(self.rows)

    @cached_property
    def id_shards(self) -> npt.NDArray[np.uint8]:
        """The id shard of each row's session."""
        sessions = pc.dictionary_encode(self.rows.column("session_id").combine_chunks())
        indices: npt.NDArray[np.int32] = sessions.indices.to_numpy(zero_copy_only=False)
        return np.take(id_shards_of(sessions.dictionary.to_pylist()), indices)

    @cached_property
    def partitions(self) -> npt.NDArray[np.int32]:
        """The Kafka partition of each row."""
        partitions: npt.NDArray[np.int32] = self.rows.column("kafka_partition").to_numpy()
        return partitions

    def count_by_partition(self, mask: Mask) -> Mapping[int, int]:
        """The number of masked rows of each partition that has any."""
        partitions, counts = np.unique(self.partitions[mask], return_counts=True)
        return dict(zip(partitions.tolist(), counts.tolist(), strict=True))

    def offsets_by_partition(self, mask: Mask) -> Mapping[int, OffsetSums]:
        """The offsets of the masked rows of each partition that has any."""
        partitions = self.partitions[mask]
        offsets: npt.NDArray[np.int64] = self.rows.column("kafka_offset").to_numpy()[mask]
        return {
            int(partition): OffsetSums.of(offsets[partitions == partition])
            for partition in np.unique(partitions)
        }

    def take(self, indices: npt.NDArray[np.int64]) -> "Batch":
        """The rows at these indices, in this order. Computed columns are kept."""
        taken = Batch(self.rows.take(pa.array(indices)))
        for name in ("digests", "fingerprints", "origins", "id_shards", "partitions"):
            if name in self.__dict__:
                taken.__dict__[name] = self.__dict__[name][indices]
        return taken

    def where(self, mask: Mask) -> "Batch":
        """The masked rows; the batch itself if the mask has all of them."""
        return self if bool(mask.all()) else self.take(np.flatnonzero(mask))


@dataclass(frozen=True, slots=True)
class DedupResult:
    """What each row of a batch is.

    Args:
        new: to be stored.
        repeats: its identity is stored from another message, or occurred earlier in the batch.
        conflicting: the repeats with another fingerprint.

    A row in none of these is stored already, from its own message: it was read again.
    """

    new: Mask
    repeats: Mask
    conflicting: Mask


def deduplicate(batch: Batch, lookup: Lookup) -> DedupResult:
    """Compare a batch with the stored rows and with itself.

    Of rows with one identity the stored one wins, otherwise the first of the batch.
    """
    identities, first, identity_of = np.unique(
        batch.digests, return_index=True, return_inverse=True
    )
    found = lookup(identities)
    winners = np.where(found.known, found.fingerprints, batch.fingerprints[first])
    new = np.zeros(len(batch), dtype=np.bool_)
    new[first[~found.known]] = True
    read_again = found.known[identity_of] & (found.origins[identity_of] == batch.origins)
    repeats = ~new & ~read_again
    conflicting = repeats & (batch.fingerprints != winners[identity_of])
    return DedupResult(new, repeats, conflicting)


def table_order(rows: pa.Table) -> npt.NDArray[np.int64]:
    """The indices that sort rows by session and, within a session, by TIMELINE; NULLs first."""
    keys = [(name, "ascending", "at_start") for name in ("session_id", *TIMELINE)]
    indices: npt.NDArray[np.int64] = (
        pc.sort_indices(rows, sort_keys=keys).to_numpy().astype(np.int64)
    )
    return indices


def in_table_order(rows: pa.Table) -> pa.Table:
    """Rows of session_events in table order."""
    return rows.take(pa.array(table_order(rows)))


def digests(rows: pa.Table) -> Digests:
    """The identity of each row of a table with session_id and id."""
    chunks = rows.select(["session_id", "id"]).to_batches(_CHUNK_ROWS)
    return np.frombuffer(b"".join(map(_digests, chunks)), dtype="S16")


def fingerprints(rows: pa.Table) -> Fingerprints:
    """The fingerprint of each row of a table with event_time and payload."""
    chunks = rows.select(["event_time", "payload"]).to_batches(_CHUNK_ROWS)
    return np.concatenate([np.empty(0, np.uint64), *map(_fingerprints, chunks)])


def origins(rows: pa.Table) -> Origins:
    """The message that each row of a table with Kafka's three coordinates was read from.

    Identities are compared first, so a collision would need two messages with one event whose
    partitions or offsets differ by multiples of 2^44.
    """
    topics = pc.dictionary_encode(rows.column("kafka_topic_id").combine_chunks())
    names = topics.dictionary.to_pylist()
    unknown = 0
    keys = np.array([*(xxh3_64_intdigest(each.encode()) for each in names), unknown], np.uint64)
    indices = topics.indices.fill_null(len(names)).to_numpy()
    partitions, offsets = (
        rows.column(name).fill_null(0).to_numpy().astype(np.uint64)
        for name in ("kafka_partition", "kafka_offset")
    )
    found: Origins = keys[indices] + (partitions << np.uint64(44)) + offsets
    return found


def id_shards_of(session_ids: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The id shard of each session, in 0..59.

    A session can be in two partitions at once: librdkafka's default partitioner is CRC32, that of
    the Java and Node clients is murmur2, and partitions are added. So a commit fences the id
    shards of its sessions and its positions. The shard is Kafka's murmur2 modulo 60: with
    murmur2 producers and a number of partitions that divides 60, two consumers share no shard.
    """
    encoded = [session_id.encode() for session_id in session_ids]
    lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    shards = np.empty(len(encoded), dtype=np.uint8)
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        matrix = np.frombuffer(b"".join([encoded[i] for i in chosen]), dtype=np.uint8).reshape(
            len(chosen), length
        )
        shards[chosen] = (_murmur2(matrix) & np.uint32(0x7FFFFFFF)) % np.uint32(ID_SHARDS)
    return shards


def _digests(chunk: pa.RecordBatch) -> bytes:
    sessions, ids = (column.to_pylist() for column in chunk.columns)
    # The length of the session id separates ("ab", "c") from ("a", "bc"), whatever the characters.
    return b"".join(
        [
            xxh3_128_digest(f"{len(session)}:{session}{id_}".encode())
            for session, id_ in zip(sessions, ids, strict=True)
        ]
    )


def _fingerprints(chunk: pa.RecordBatch) -> Fingerprints:
    times = chunk.column("event_time").cast(pa.int64()).to_pylist()
    payloads = chunk.column("payload").to_pylist()
    return np.array(
        [
            xxh3_64_intdigest(f"{time}:{payload}".encode())
            for time, payload in zip(times, payloads, strict=True)
        ],
        dtype=np.uint64,
    )


def _murmur2(keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Kafka's murmur2 (org.apache.kafka.common.utils.Utils) of each row of a byte matrix."""
    count, length = keys.shape
    with np.errstate(over="ignore"):
        hashes = np.full(count, _MURMUR2_SEED ^ np.uint32(length), dtype=np.uint32)
        whole = length // 4
        words = np.ascontiguousarray(keys[:, : whole * 4]).view("<u4").reshape(count, whole)
        for column in range(whole):
            word = words[:, column] * _MURMUR2_M
            word = (word ^ (word >> np.uint32(24))) * _MURMUR2_M
            hashes = (hashes * _MURMUR2_M) ^ word
        tail = keys[:, whole * 4 :].astype(np.uint32)
        for index in range(tail.shape[1] - 1, -1, -1):
            hashes ^= tail[:, index] << np.uint32(8 * index)
        if tail.shape[1]:
            hashes *= _MURMUR2_M
        hashes = (hashes ^ (hashes >> np.uint32(13))) * _MURMUR2_M
        return hashes ^ (hashes >> np.uint32(15))
