"""The right to a spool file: an OS lock that ends with the process, however that ends."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import Self

SPOOL = ".spool"
CORRUPT = ".corrupt"
_LOCK = ".lock"
_PARTS = ("", "-wal", "-shm")  # SQLite's files of one database


class Claim:
    """A spool that is ours as long as we live.

    The lock is a file of its own: SQLite's locks on the spool would end as soon as anybody closed that file a second
    time in this process.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._aside = path.with_suffix(CORRUPT)
        self._lock = lock

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Claim the spool at this path, which need not exist; None if somebody has it.

        Raises:
            OSError: the folder cannot be written.
        """
        lock_path = path.with_suffix(_LOCK)
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_ino == lock_path.stat().st_ino:
                return cls(path, lock)
        except (BlockingIOError, FileNotFoundError):
            pass  # somebody has it, or had it and removed both files after we opened one
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
        return None

    def discard(self) -> None:
        """Remove the spool, which must be closed, and end the claim."""
        for part in _PARTS:
            self._part(part).unlink(missing_ok=True)
        self.path.with_suffix(_LOCK).unlink(missing_ok=True)
        os.close(self._lock)

    def set_aside(self) -> Path:
        """Give the spool, which must be closed, a name that nobody adopts, and end the claim. Returns that name."""
        for part in _PARTS:
            if self._part(part).exists():
                self._part(part).rename(f"{self._aside}{part}")
        self.discard()
        return self._aside

    def copy_aside(self) -> Path:
        """Keep a copy of the spool, which must be closed, under that name too. Returns the name.

        Raises:
            OSError: there is no room for it.
        """
        for part in _PARTS:
            if self._part(part).exists():
                shutil.copyfile(self._part(part), f"{self._aside}{part}")
        return self._aside

    def release(self) -> None:
        """End the claim and leave the spool to others. In a forked child: let the parent alone have it."""
        os.close(self._lock)

    def _part(self, part: str) -> Path:
        return Path(f"{self.path}{part}")


def unclaimed(folder: Path) -> list[Path]:
    """The spools of a folder that may be orphans, oldest first; their names begin with the time they were made."""
    return sorted(
        {each.with_suffix(SPOOL) for each in folder.iterdir() if each.suffix in {SPOOL, _LOCK}}
    )
