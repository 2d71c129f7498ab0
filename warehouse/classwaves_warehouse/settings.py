"""Settings of processes that use the tables."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ByteSize, DirectoryPath, Field, PositiveInt

from classwaves_runtime.settings import Settings

_WITHOUT_DISK: Final = 4
_ON_DISK: Final = Path("/var/tmp")  # noqa: S108 - a folder of temporary files is meant


def _temporary_folder() -> Path:
    """A folder for temporary files, on disk if there is one: /tmp may be in memory."""
    is_usable = _ON_DISK.is_dir() and os.access(_ON_DISK, os.W_OK)
    return _ON_DISK if is_usable else Path(tempfile.gettempdir())


class WarehouseSettings(Settings):
    """The address of the tables; `open_warehouse` opens it."""

    warehouse: str = Field(description="delta:<folder or object-store URL>, or databricks:")


@dataclass(frozen=True, slots=True)
class DedupLimits:
    """Limits of the dedup index that each ledger of embedded tables has.

    Args:
        identities: that it covers. A batch whose hours have more is deduplicated correctly, but
            each time from the table.
        folder: of the runs on local disk.
        disk_bytes: of those runs.
        in_memory: identities in memory, at 36 bytes each; four times as many while the disk takes
            no run.
    """

    identities: int = 20_000_000
    folder: Path = field(default_factory=_temporary_folder)
    disk_bytes: int = 1 << 30
    in_memory: int = 500_000

    @property
    def without_disk(self) -> int:
        """Identities in memory while the disk takes no run."""
        return _WITHOUT_DISK * self.in_memory


class DedupSettings(Settings):
    """Limits of deduplication in a consumer of embedded tables."""

    dedup_max_identities: PositiveInt = Field(
        default=DedupLimits().identities,
        description="events of the 49 hours around a batch that need no read of the table, at 2.1 "
        "bytes of memory and 32 bytes of disk each",
    )
    dedup_folder: DirectoryPath = Field(
        default_factory=_temporary_folder,
        description="an existing folder on a local disk, by default /var/tmp",
    )
    dedup_disk_bytes: ByteSize = Field(
        default=ByteSize(DedupLimits().disk_bytes),
        description="bytes of the files in DEDUP_FOLDER, as 1GiB",
    )

    @property
    def dedup_limits(self) -> DedupLimits:
        """The limits that these settings ask for."""
        return DedupLimits(self.dedup_max_identities, self.dedup_folder, int(self.dedup_disk_bytes))
