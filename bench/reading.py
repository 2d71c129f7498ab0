"""How much there is to read for an hour."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from classwaves_rollup.formulas import HOUR, MAX_DURATION
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import (
    API_METRICS,
    EDUCATIONAL_METRICS,
    GROUP_METRICS,
    SESSION_EVENTS,
    SESSION_METRICS,
    SOURCES,
    SYSTEM_EVENTS,
    Table,
)
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.tables import Root

TIMES: Final[Mapping[Table, str]] = {
    SESSION_EVENTS: "event_time",
    SESSION_METRICS: "calculation_timestamp",
    GROUP_METRICS: "calculation_timestamp",
    EDUCATIONAL_METRICS: "calculation_timestamp",
    SYSTEM_EVENTS: "created_at",
    API_METRICS: "timestamp",
}
"""By which time an hour picks the rows of a source. The other two are asked for sessions, whenever those were."""

_AFTER: Final[Mapping[Table, timedelta | None]] = {
    SESSION_EVENTS: HOUR + MAX_DURATION,
    SESSION_METRICS: None,
    GROUP_METRICS: None,
}
"""Until when after its start an hour looks at sources that it looks at from long before; None: without an end."""


def touchable_bytes(folder: str, hour: datetime) -> dict[str, int]:
    """Of each source by qualified name, the bytes of the files that may hold rows the hour asks for.

    Which files these are is told by the statistics in the table's log alone; of a file, a query reads some columns.
    """
    return {
        table.qualified_name: _bytes(Root(folder).open(table), table, hour) for table in SOURCES
    }


def bytes_read() -> int | None:
    """The bytes this process has asked the system for, be they cached or not; None where the system does not tell."""
    told = Path("/proc/self/io")
    if not told.exists():
        return None
    return int(
        next(line for line in told.read_text().splitlines() if line.startswith("rchar")).split()[1]
    )


def _bytes(handle: DeltaTable, table: Table, hour: datetime) -> int:
    files = pa.table(handle.get_add_actions(flatten=True))
    sizes = dict(zip(files["path"].to_pylist(), files["size_bytes"].to_pylist(), strict=True))
    wanted = DeltaDataset.of(handle, arrow_schema(table)).files(_condition(table, hour))
    return sum(sizes[path] for path in wanted)


def _condition(table: Table, hour: datetime) -> ds.Expression | None:
    if table not in TIMES:
        return None
    time = ds.field(TIMES[table])
    if table not in _AFTER:
        return (time >= hour) & (time < hour + HOUR)
    after = _AFTER[table]
    since = time >= hour - MAX_DURATION
    return since if after is None else since & (time < hour + after)
