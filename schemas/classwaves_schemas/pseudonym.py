"""Keyed pseudonyms: one text per pupil, which only the key connects with the pupil."""

import hmac
import re
from functools import lru_cache
from pathlib import Path

from classwaves_schemas.errors import PseudonymKeyError

MIN_KEY_BYTES = 32
_PSEUDONYM = re.compile(r"p1_[0-9a-f]{32}")


def is_pseudonym(value: str) -> bool:
    """Whether a text has the form of a pseudonym, under any key."""
    return _PSEUDONYM.fullmatch(value) is not None


class Pseudonymiser:
    """Replaces ids by pseudonyms: `p1_` and the first 128 bits of HMAC-SHA256 in hex.

    Pseudonyms stay unchanged, so producer and consumer may both pseudonymise.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise PseudonymKeyError(
                f"The pseudonym key has {len(key)} bytes; at least {MIN_KEY_BYTES} random ones are "
                "needed."
            )

        @lru_cache(maxsize=65_536)
        def pseudonym(value: str) -> str:
            if is_pseudonym(value):
                return value
            return f"p1_{hmac.digest(key, value.encode(), 'sha256')[:16].hex()}"

        self._pseudonym = pseudonym

    def __call__(self, value: str) -> str:
        """The pseudonym of an id."""
        return self._pseudonym(value)

    @classmethod
    def from_file(cls, path: Path) -> "Pseudonymiser":
        """Read the key from a file, without surrounding white space.

        Raises:
            PseudonymKeyError: the file cannot be read, or its key is too short.
        """
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PseudonymKeyError(
                f"The pseudonym key file {path} cannot be read ({reason}); check "
                "PSEUDONYM_KEY_FILE."
            ) from error
        if len(key) < MIN_KEY_BYTES:
            raise PseudonymKeyError(
                f"The pseudonym key file {path} has {len(key)} bytes; write at least "
                f"{MIN_KEY_BYTES} random ones."
            )
        return cls(key)
