"""Lanes: the shares of the id space that a commit fences (design: two partitions may carry one session).

librdkafka's default partitioner is CRC32, Java's and Node's is murmur2, and partitions get added: one session can
reach two consumers at once. A commit therefore claims, beside its positions, the lanes of the sessions that it
touches. A lane is the same murmur2 that Kafka's own clients partition by, modulo 60: with murmur2 producers and a
partition count that divides 60, two consumers never meet in a lane.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LANES = 60

_SEED = np.uint32(0x9747B28C)
_M = np.uint32(0x5BD1E995)


def lanes_of(keys: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The lane of each key (a session_id), in 0..59."""
    encoded = [key.encode() for key in keys]
    lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    lanes = np.empty(len(encoded), dtype=np.uint8)
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        matrix = np.frombuffer(b"".join([encoded[i] for i in chosen]), dtype=np.uint8).reshape(
            len(chosen), length
        )
        lanes[chosen] = (_murmur2(matrix) & np.uint32(0x7FFFFFFF)) % np.uint32(LANES)
    return lanes


def _murmur2(keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Kafka's murmur2 (org.apache.kafka.common.utils.Utils) of each row of a byte matrix."""
    count, length = keys.shape
    with np.errstate(over="ignore"):
        hashes = np.full(count, _SEED ^ np.uint32(length), dtype=np.uint32)
        whole = length // 4
        words = np.ascontiguousarray(keys[:, : whole * 4]).view("<u4").reshape(count, whole)
        for column in range(whole):
            word = words[:, column] * _M
            word = (word ^ (word >> np.uint32(24))) * _M
            hashes = (hashes * _M) ^ word
        tail = keys[:, whole * 4 :].astype(np.uint32)
        for place in range(tail.shape[1] - 1, -1, -1):
            hashes ^= tail[:, place] << np.uint32(8 * place)
        if tail.shape[1]:
            hashes *= _M
        hashes = (hashes ^ (hashes >> np.uint32(13))) * _M
        return hashes ^ (hashes >> np.uint32(15))
