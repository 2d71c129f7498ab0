"""The memory of a process that follows the commits of other writers."""

from multiprocessing import get_context
from pathlib import Path

from deltalake import DeltaTable

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.delta.writer import write

_SETTLED = 400
"""Versions after which threads and caches have their size."""
_FOLLOWED = 1_000
_LIMIT_BYTES = 12_000
"""Of each version. Measured: 3,800 to 5,200, with the writer in the same process."""


def test_a_handle_takes_no_memory_for_each_version_that_it_follows(tmp_path):
    with get_context("spawn").Pool(1) as pool:
        settled, followed = pool.apply(_follow, (str(tmp_path),))
    assert (followed - settled) / _FOLLOWED < _LIMIT_BYTES


def _follow(folder: str) -> tuple[int, int]:
    DeltaWarehouse(folder).tables.migrate()
    writer, reader = (Root(folder).open(SESSION_EVENTS) for _ in range(2))
    _follow_versions(writer, reader, _SETTLED)
    settled = _resident()
    _follow_versions(writer, reader, _FOLLOWED)
    return settled, _resident()


def _follow_versions(writer: DeltaTable, reader: DeltaTable, count: int) -> None:
    for _ in range(count):
        write(writer, ROWS.empty_table(), {"other": writer.version()}, "token")
        reader.update_incremental()
        assert reader.version() == writer.version()


def _resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024
