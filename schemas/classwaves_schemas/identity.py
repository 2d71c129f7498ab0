"""Identities that sort by the time they were made."""

import os
import time
import uuid

RANDOM_BYTES = 10


def new_event_id(now_ms: int | None = None, randomness: bytes | None = None) -> str:
    """A UUID version 7 (RFC 9562) as text.

    Args:
        now_ms: milliseconds since 1970, UTC; the clock's by default.
        randomness: 10 bytes, of which 74 bits are used; the system's by default.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    randomness = os.urandom(RANDOM_BYTES) if randomness is None else randomness
    bits = bytearray(now_ms.to_bytes(6) + randomness)
    bits[6] = 0x70 | bits[6] & 0x0F
    bits[8] = 0x80 | bits[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(bits)))
