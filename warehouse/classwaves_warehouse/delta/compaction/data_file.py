"""Writing one data file from the rows of several: sorted, with statistics and a Bloom filter.

The rows are never all in memory. Keys are read first and divided into parts of adjacent keys; then
the files are read once for each part, which becomes one or more row groups.
"""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.errors import WarehouseRefused

PART_BYTES: Final = 16 * 1024 * 1024
"""Decoded rows that are in memory at once; while they are sorted, as many again."""

_ROW_BYTES: Final = 200  # of a decoded row, beyond its bytes in the file before compression
_ROW_GROUP_ROWS: Final = 65_536
_MAX_TEXT: Final = 256  # longer texts have no statistics: a truncated maximum would be too low
_MILLISECOND: Final = timedelta(milliseconds=1)


class Statistics:
    """Statistics of the rows of one file, as the log has them.

    Times are whole milliseconds. delta-rs rounds a maximum down and its readers add a millisecond;
    here it is rounded up, so that it is never too low for any reader.

    Args:
        columns: with statistics.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.rows = 0
        self._columns = columns
        self._low: dict[str, Any] = {}
        self._high: dict[str, Any] = {}
        self._nulls = dict.fromkeys(columns, 0)

    def add(self, rows: pa.Table) -> None:
        """Add rows of the file."""
        self.rows += rows.num_rows
        for name in self._columns:
            self._nulls[name] += rows[name].null_count
            found = pc.min_max(rows[name]).as_py()
            if found["min"] is not None:
                self._low[name] = min(found["min"], self._low.get(name, found["min"]))
                self._high[name] = max(found["max"], self._high.get(name, found["max"]))

    def as_json(self) -> str:
        """The statistics in the form of the Delta protocol."""
        known = [name for name in self._low if not _is_long(self._low[name], self._high[name])]
        return json.dumps(
            {
                "numRecords": self.rows,
                "minValues": {name: _encoded(self._low[name], up=False) for name in known},
                "maxValues": {name: _encoded(self._high[name], up=True) for name in known},
                "nullCount": self._nulls,
            }
        )


def write_file(
    rows: DeltaDataset,
    schema: pa.Schema,
    order: Sequence[str],
    statistics: Sequence[str],
    part_bytes: int = PART_BYTES,
) -> AddAction:
    """Write all rows of a dataset into one new file of its table.

    Args:
        rows: of files that will be replaced.
        schema: of the table.
        order: columns by which the rows are sorted, NULLs first; the first one gets a Bloom filter
            if it is a text.
        statistics: columns with statistics.
        part_bytes: decoded rows that are in memory at once.

    Returns:
        The action that adds the file. It changes no data.

    Raises:
        FileNotFoundError: a file was vacuumed.
        OSError: a file cannot be read or written now.
        WarehouseRefused: one of the first two columns of the order has NULLs.
        ValueError: a column that is not null has NULLs.
    """
    expected, decoded = _totals(rows)
    path = f"part-00000-{uuid4()}-c000.zstd.parquet"
    found = Statistics(statistics)
    with rows.filesystem.open_output_stream(path) as sink, _writer(sink, schema, order) as out:
        for part in _parts(rows, order, decoded // part_bytes + 1):
            out.write_table(part.cast(schema), row_group_size=_ROW_GROUP_ROWS)
            found.add(part)
    if found.rows != expected:
        rows.filesystem.delete_file(path)
        raise WarehouseRefused(
            f"The files have {expected} rows, but {found.rows} of them can be sorted by "
            f"{order[0]} and {order[1]}: these columns must not be NULL."
        )
    [info] = rows.filesystem.get_file_info([path])
    return AddAction(
        path=path,
        size=info.size,
        partition_values={},
        modification_time=int(time.time() * 1000),
        data_change=False,
        stats=found.as_json(),
    )


def _writer(sink: pa.NativeFile, schema: pa.Schema, order: Sequence[str]) -> pq.ParquetWriter:
    is_text = pa.types.is_string(schema.field(order[0]).type)
    return pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        write_page_index=True,
        sorting_columns=pq.SortingColumn.from_ordering(
            schema, [(name, "ascending") for name in order], null_placement="at_start"
        ),
        bloom_filter_options={order[0]: {"ndv": _ROW_GROUP_ROWS // 4, "fpp": 0.01}}
        if is_text
        else None,
    )


def _totals(rows: DeltaDataset) -> tuple[int, int]:
    """The number of rows in the files, and about how many bytes they have in memory."""
    number = decoded = 0
    for path in rows.files():
        with rows.filesystem.open_input_file(path) as source:
            metadata = pq.read_metadata(source)
        groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
        number += metadata.num_rows
        decoded += sum(each.total_byte_size for each in groups) + metadata.num_rows * _ROW_BYTES
    return number, decoded


def _parts(rows: DeltaDataset, order: Sequence[str], number: int) -> Iterator[pa.Table]:
    """The rows in their order, in about this number of parts."""
    keys = _sort_keys(order)
    for condition in [None] if number == 1 else _ranges(rows, order[:2], number):
        part = rows.scanner(filter=condition).to_table()
        yield part.take(pc.sort_indices(part, sort_keys=keys))


def _ranges(rows: DeltaDataset, names: Sequence[str], number: int) -> Sequence[ds.Expression]:
    """Conditions for adjacent ranges of two columns, with about the same number of rows each."""
    keys = rows.scanner(columns=list(names)).to_table()
    order = pc.sort_indices(keys, sort_keys=_sort_keys(names))
    starts = [order[len(order) * part // number].as_py() for part in range(1, number)]
    bounds = list(dict.fromkeys((keys[names[0]][at], keys[names[1]][at]) for at in starts))
    first, second = (ds.field(name) for name in names)
    # Each condition begins with a simple one, by which Arrow skips row groups.
    before = [(first <= a) & ((first < a) | (second < b)) for a, b in bounds]
    since = [(first >= a) & ((first > a) | (second >= b)) for a, b in bounds]
    inner = [low & high for low, high in zip(since, before[1:], strict=False)]
    return [before[0], *inner, since[-1]]


def _sort_keys(names: Sequence[str]) -> list[tuple[str, str, str]]:
    return [(name, "ascending", "at_start") for name in names]


def _is_long(*values: object) -> bool:
    return any(isinstance(value, str) and len(value) > _MAX_TEXT for value in values)


def _encoded(value: object, *, up: bool) -> object:
    if not isinstance(value, datetime):
        return value
    whole = value.astimezone(UTC).replace(microsecond=value.microsecond // 1000 * 1000)
    if up and whole < value:
        whole += _MILLISECOND
    return whole.isoformat(timespec="milliseconds").replace("+00:00", "Z")
