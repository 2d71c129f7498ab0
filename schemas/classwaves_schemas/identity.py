"""Event ids that sort by the time of their creation."""

import os
import time

RANDOM_BYTES = 10
_VARIANTS = "89ab"


def new_event_id(now_ms: int | None = None, randomness: bytes | None = None) -> str:
    """A UUID version 7 (RFC 9562) as text.

    Args:
        now_ms: Unix milliseconds; the clock's by default.
        randomness: 10 bytes, 74 bits of which are used; the system's by default.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    randomness = os.urandom(RANDOM_BYTES) if randomness is None else randomness
    # Assembled as text: uuid.UUID would take as long as the rest of an emit.
    time_hex, random_hex = now_ms.to_bytes(6).hex(), randomness.hex()
    variant = _VARIANTS[randomness[2] >> 4 & 3]
    tail = f"{variant}{random_hex[5:8]}-{random_hex[8:]}"
    return f"{time_hex[:8]}-{time_hex[8:]}-7{random_hex[1:4]}-{tail}"
