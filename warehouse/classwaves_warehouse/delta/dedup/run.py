"""A sorted run of identities in a file, with a Bloom filter and fences in memory.

    header    magic, number of identities, of hours and of filter words, checksum
    hours     the hours of event_time of which the run has identities
    fences    the first digest of each block
    filter    a blocked Bloom filter
    records   digest, fingerprint and origin of each identity, by ascending digest

A run takes 32 bytes an identity on disk and 2.1 bytes in memory. A search probes the filter, then
reads the blocks that may have the digest. Files are read with `pread`: pages that a process maps
count as its memory.
"""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from classwaves_warehouse.batch import Digests, Found
from classwaves_warehouse.delta.dedup.identities import Hours, Identities
from classwaves_warehouse.errors import DamagedRun

RECORD_BYTES: Final = 32
"""Bytes of an identity on disk. All else in the file takes 2.1 bytes an identity."""

_MAGIC: Final = b"CWIDRUN1"
_HEADER: Final = struct.Struct("<8sQQQQ")
_BLOCK: Final = 128
_GAP: Final = 8
"""Blocks between two needed ones that are read rather than skipped: a system call costs as much."""

_RECORD: Final = np.dtype([("digest", "S16"), ("fingerprint", "<u8"), ("origin", "<u8")])
_BITS_PER_KEY: Final = 16
_PROBES: Final = 5
"""Of 16 bits a key in words of 64, five bits a key answer wrongly for 0.4 % of unknown keys."""


@dataclass(frozen=True, slots=True)
class _Index:
    """What is in memory of a run."""

    hours: Hours
    fences: Digests
    filter: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, identities: Identities) -> "_Index":
        fences = np.ascontiguousarray(identities.digests[::_BLOCK])
        return cls(np.unique(identities.hours), fences, _filter_of(identities.digests))

    def encoded(self) -> bytes:
        return b"".join(part.tobytes() for part in (self.hours, self.fences, self.filter))

    @classmethod
    def decoded(cls, data: bytes, hours: int, fences: int, words: int) -> "_Index":
        first = hours * 4
        second = first + fences * 16
        return cls(
            np.frombuffer(data, np.int32, hours),
            np.frombuffer(data, "S16", fences, first),
            np.frombuffer(data, np.uint64, words, second),
        )


def write_run(file: BinaryIO, identities: Identities) -> None:
    """Write identities as a run.

    Args:
        file: at its beginning.
        identities: by ascending digest, each once; at least one.
    """
    index = _Index.of(identities)
    encoded = index.encoded()
    sizes = len(identities), len(index.hours), len(index.filter)
    file.write(_HEADER.pack(_MAGIC, *sizes, xxh3_64_intdigest(encoded)))
    file.write(encoded)
    for start in range(0, len(identities), 65_536):
        part = identities.take(np.arange(start, min(start + 65_536, len(identities))))
        records = np.empty(len(part), _RECORD)
        records["digest"], records["fingerprint"] = part.digests, part.fingerprints
        records["origin"] = part.origins
        file.write(records.tobytes())


class IdentityRun:
    """A run that is open for searching.

    Args:
        descriptor: of a local file that `write_run` has written; the run closes it.

    Raises:
        DamagedRun: the file has another form.
        OSError: the file cannot be read.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        header = os.pread(descriptor, _HEADER.size, 0)
        if len(header) < _HEADER.size or not header.startswith(_MAGIC):
            raise DamagedRun("it has no header")
        _, self._length, hours, words, checksum = _HEADER.unpack(header)
        fences = -(-self._length // _BLOCK)
        size = hours * 4 + fences * 16 + words * 8
        self._records_at = _HEADER.size + size
        data = os.pread(descriptor, size, _HEADER.size)
        expected = self._records_at + self._length * RECORD_BYTES
        if os.fstat(descriptor).st_size != expected or xxh3_64_intdigest(data) != checksum:
            raise DamagedRun("it is not complete, or its checksum differs")
        self._index = _Index.decoded(data, hours, fences, words)

    def __len__(self) -> int:
        return int(self._length)

    @property
    def hours(self) -> frozenset[int]:
        """The hours of event_time of which it has identities."""
        return frozenset(self._index.hours.tolist())

    @property
    def bytes_in_memory(self) -> int:
        """Memory of filter, fences and hours."""
        index = self._index
        return index.hours.nbytes + index.fences.nbytes + index.filter.nbytes

    @property
    def bytes_on_disk(self) -> int:
        """Size of the file."""
        return int(self._records_at + self._length * RECORD_BYTES)

    def find(self, wanted: Digests) -> Found:
        """Which of these digests are present, and what is stored under them.

        Args:
            wanted: ascending.

        Raises:
            DamagedRun: the file cannot be read.
        """
        found = Found.none(len(wanted))
        candidates = np.flatnonzero(_may_have(self._index.filter, wanted))
        if not len(candidates):
            return found
        records = self._records(self._blocks_of(wanted[candidates]))
        digests = np.ascontiguousarray(records["digest"])
        at = np.minimum(np.searchsorted(digests, wanted[candidates]), len(digests) - 1)
        hits = digests[at] == wanted[candidates]
        found.add(candidates[hits], records["fingerprint"], records["origin"], at[hits])
        return found

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _blocks_of(self, digests: Digests) -> npt.NDArray[np.int64]:
        blocks = np.searchsorted(self._index.fences, digests, side="right") - 1
        return np.unique(np.maximum(blocks, 0))

    def _records(self, blocks: npt.NDArray[np.int64]) -> npt.NDArray[np.void]:
        """The records of these blocks and of short gaps between them, in order."""
        groups = np.split(blocks, np.flatnonzero(np.diff(blocks) > _GAP) + 1)
        data = b"".join(self._read(int(group[0]), int(group[-1]) + 1) for group in groups)
        return np.frombuffer(data, _RECORD)

    def _read(self, first: int, end: int) -> bytes:
        start, stop = first * _BLOCK, min(end * _BLOCK, self._length)
        size = (stop - start) * RECORD_BYTES
        try:
            data = os.pread(self._descriptor, size, self._records_at + start * RECORD_BYTES)
        except OSError as error:
            raise DamagedRun(f"it cannot be read: {error}") from error
        if len(data) != size:
            raise DamagedRun(f"it ends {size - len(data)} bytes too early")
        return data


def _filter_of(digests: Digests) -> npt.NDArray[np.uint64]:
    """A filter of ascending digests: all bits of a digest are in one word."""
    words = np.zeros(max(1, len(digests) * _BITS_PER_KEY // 64), np.uint64)
    word, bits = _word_and_bits(digests, len(words))
    # Words ascend with the digests, so those of one word are adjacent.
    first = np.flatnonzero(np.append(True, word[1:] != word[:-1]))
    words[word[first]] = np.bitwise_or.reduceat(bits, first)
    return words


def _may_have(words: npt.NDArray[np.uint64], wanted: Digests) -> npt.NDArray[np.bool_]:
    word, bits = _word_and_bits(wanted, len(words))
    may: npt.NDArray[np.bool_] = (words[word] & bits) == bits
    return may


def _word_and_bits(
    digests: Digests, words: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """The word of each digest, from its first half, and its bits in it, from its second half."""
    halves = np.ascontiguousarray(digests).view(">u8").reshape(-1, 2).astype(np.uint64)
    half, one, mask = np.uint64(32), np.uint64(1), np.uint64(63)
    word = (((halves[:, 0] >> half) * np.uint64(words)) >> half).astype(np.int64)
    bits = np.zeros(len(digests), np.uint64)
    for probe in range(_PROBES):
        bits |= one << ((halves[:, 1] >> np.uint64(6 * probe)) & mask)
    return word, bits
