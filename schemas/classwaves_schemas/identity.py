"""Identities that sort by the time they were made."""

import os
import time

RANDOM_BYTES = 10
_VARIANTS = "89ab"


def new_event_id(now_ms: int | None = None, randomness: bytes | None = None) -> str:
    """A UUID version 7 (RFC 9562) as text.

    Args:
        now_ms: milliseconds since 1970, UTC; the clock's by default.
        randomness: 10 bytes, of which 74 bits are used; the system's by default.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    randomness = os.urandom(RANDOM_BYTES) if randomness is None else randomness
    # Put together as text: uuid.UUID would take as long as everything else that an emit does to its event.
    time_hex, random_hex = now_ms.to_bytes(6).hex(), randomness.hex()
    variant = _VARIANTS[randomness[2] >> 4 & 3]
    return f"{time_hex[:8]}-{time_hex[8:]}-7{random_hex[1:4]}-{variant}{random_hex[5:8]}-{random_hex[8:]}"
