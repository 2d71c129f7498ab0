"""The lock of a spool file: an OS lock that ends with its process in any case."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import Self

SPOOL = ".spool"
CORRUPT = ".corrupt"
_LOCK = ".lock"
_PARTS = ("", "-wal", "-shm")  # files of one SQLite database


class SpoolLock:
    """An exclusively locked spool.

    The lock is a separate file: SQLite's own locks end as soon as this process closes the spool
    file a second time.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._aside = path.with_suffix(CORRUPT)
        self._lock = lock

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Lock the spool at this path, which need not exist; None if another process has it.

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
            pass  # locked, or its owner removed both files after we opened one
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
        return None

    def discard(self) -> None:
        """Delete the closed spool and release the lock."""
        for part in _PARTS:
            self._part(part).unlink(missing_ok=True)
        self.path.with_suffix(_LOCK).unlink(missing_ok=True)
        os.close(self._lock)

    def set_aside(self) -> Path:
        """Rename the closed spool, so that no process adopts it, and release; return the name."""
        for part in _PARTS:
            if self._part(part).exists():
                self._part(part).rename(f"{self._aside}{part}")
        self.discard()
        return self._aside

    def copy_aside(self) -> Path:
        """Copy the closed spool to that name; return the name.

        Raises:
            OSError: the disk is full.
        """
        for part in _PARTS:
            if self._part(part).exists():
                shutil.copyfile(self._part(part), f"{self._aside}{part}")
        return self._aside

    def release(self) -> None:
        """Release the lock and leave the spool to others; in a forked child, to the parent."""
        os.close(self._lock)

    def _part(self, part: str) -> Path:
        return Path(f"{self.path}{part}")


def unlocked_spools(folder: Path) -> list[Path]:
    """The possible orphans of a folder, oldest first: names start with the creation time."""
    return sorted(
        {each.with_suffix(SPOOL) for each in folder.iterdir() if each.suffix in {SPOOL, _LOCK}}
    )
