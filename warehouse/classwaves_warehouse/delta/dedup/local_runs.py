"""Runs of identities on local disk, within a limit of bytes.

A file is unlinked as soon as it is open: it has no name that could be found, and its space is free
again when the run is closed or the process ends, however it ends.
"""

import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from pyarrow.fs import FileSystem

from classwaves_warehouse.delta.dataset import local_folder
from classwaves_warehouse.delta.dedup.identities import Identities
from classwaves_warehouse.delta.dedup.run import RECORD_BYTES, IdentityRun, write_run
from classwaves_warehouse.errors import DamagedRun

log = logging.getLogger(__name__)

_COPY_BYTES: Final = 1 << 20


class LocalRuns:
    """Writes and opens runs.

    Args:
        folder: an existing folder on a local disk.
        limit: bytes of all open runs that were written here.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._written: dict[IdentityRun, int] = {}
        self._refused = False

    @property
    def bytes(self) -> int:
        """Disk space of the open runs that were written here."""
        return sum(self._written.values())

    def write(self, identities: Identities) -> IdentityRun | None:
        """Write a run.

        Args:
            identities: by ascending digest; at least one.

        Returns:
            None if the disk does not take it, which is logged once.
        """
        return self._create(
            len(identities) * RECORD_BYTES, lambda file: write_run(file, identities)
        )

    def open(self, filesystem: FileSystem, path: str) -> IdentityRun | None:
        """Open a run of a table; one that is on another machine is copied first.

        Returns:
            None if the run cannot be copied, which is logged once.

        Raises:
            DamagedRun: the run is damaged.
            OSError: the run cannot be opened.
        """
        folder = local_folder(filesystem)
        if folder is not None:
            return IdentityRun(os.open(folder / path, os.O_RDONLY))
        size = filesystem.get_file_info(path).size

        def copy(file: BinaryIO) -> None:
            with filesystem.open_input_stream(path) as stream:
                shutil.copyfileobj(stream, file, _COPY_BYTES)

        return self._create(size, copy)

    def close(self, run: IdentityRun) -> None:
        """Close a run; its disk space is free again."""
        self._written.pop(run, None)
        run.close()

    def _create(self, size: int, fill: Callable[[BinaryIO], None]) -> IdentityRun | None:
        try:
            run = self._filled(size, fill)
        except (OSError, DamagedRun) as error:
            if not self._refused:
                log.warning(
                    "Cannot write identities to %s: %s. Deduplication stays exact, but reads the "
                    "table for what memory cannot hold.",
                    self._folder,
                    error,
                )
            self._refused = True
            return None
        self._refused = False
        self._written[run] = run.bytes_on_disk
        return run

    def _filled(self, size: int, fill: Callable[[BinaryIO], None]) -> IdentityRun:
        if self.bytes + size > self._limit:
            raise OSError(errno.EDQUOT, f"DEDUP_DISK_BYTES is {self._limit}")
        descriptor, name = tempfile.mkstemp(prefix="dedup-", dir=self._folder)
        try:
            Path(name).unlink()
            with open(descriptor, "wb", closefd=False) as file:
                fill(file)
            return IdentityRun(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
