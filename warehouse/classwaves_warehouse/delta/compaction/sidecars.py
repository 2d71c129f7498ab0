"""Upkeep of sidecars: the large recent data files have one, other files do not.

A consumer that starts needs the identities of the last two days. It opens sidecars in no time; it
reads what has none, at 2 µs a row.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from deltalake import DeltaTable

from classwaves_runtime.clock import Clock
from classwaves_warehouse.delta.compaction.file_groups import DataFile
from classwaves_warehouse.delta.dedup.files import IdentityFiles

log = logging.getLogger(__name__)

_USEFUL: Final = timedelta(days=4)
"""Age of a file's last event_time up to which a consumer that starts may need its identities."""

_LEAST_ROWS: Final = 20_000
_WRITTEN_IN_A_PASS: Final = 4
_ABANDONED: Final = timedelta(hours=1)
"""Age at which the sidecar of a file that is not live belongs to no commit that is under way."""


class SidecarUpkeep:
    """Writes and removes sidecars of session_events.

    Args:
        handle: of the table; used by nothing else meanwhile.
        clock: gives the age of files.
    """

    def __init__(self, handle: DeltaTable, clock: Clock) -> None:
        self._files = IdentityFiles(handle)
        self._clock = clock

    def write(self, path: str, rows: int, last: datetime | None) -> None:
        """Write the sidecar of a data file that no commit has added yet, if it is useful.

        Args:
            path: of the data file.
            rows: of the data file.
            last: its last event_time; None if unknown.
        """
        if self._is_useful(rows, last):
            self._write(path)

    def run_once(self, live: Sequence[DataFile]) -> None:
        """Write some of the missing sidecars, and remove those that are of no use.

        Args:
            live: all live files.
        """
        present = self._files.sidecars()
        useful = {file.path for file in live if self._is_useful(file.rows, file.last)}
        for path in sorted(useful - present.keys())[:_WRITTEN_IN_A_PASS]:
            self._write(path)
        abandoned = self._clock.now() - _ABANDONED
        for path, written in present.items():
            if path not in useful and written < abandoned:
                self._files.remove_sidecar(path)

    def _is_useful(self, rows: int, last: datetime | None) -> bool:
        return rows >= _LEAST_ROWS and (last is None or last >= self._clock.now() - _USEFUL)

    def _write(self, path: str) -> None:
        try:
            self._files.write_sidecar(path)
        except OSError:
            log.warning("No sidecar was written for %s", path, exc_info=True)
