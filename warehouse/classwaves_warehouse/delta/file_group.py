"""Files of a table that lie together in time, and what is known of their rows."""

from collections.abc import Iterable, Sequence
from functools import cached_property, reduce
from math import isqrt
from operator import and_
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

_BEYOND: Final = pa.scalar(1_000, pa.duration("us"))
"""Writers cut times in statistics to milliseconds: the greatest may be greater than they say."""

_CLUSTERED: Final = frozenset({"session_id"})
"""What tables are clustered by beside time."""

_LEAST: Final = "min."


class FileGroup:
    """Some files. What is known of them is worked out when it is asked for, once: it takes longer than a scan's start.

    Args:
        files: path, statistics and partition values as delta-rs flattens them.
        ranged: the columns whose ranges are made use of.
    """

    def __init__(self, files: pa.Table, ranged: Sequence[str]) -> None:
        self._files = files
        self._ranged = ranged

    @classmethod
    def of(cls, files: pa.Table, schema: pa.Schema) -> Sequence["FileGroup"]:
        """As many groups as each has files, so that neither groups nor files are many to look at.

        Args:
            files: of a table, as above.
            schema: of the table.
        """
        known = {
            name.removeprefix(_LEAST) for name in files.column_names if name.startswith(_LEAST)
        }
        times = [
            field.name
            for field in schema
            if pa.types.is_timestamp(field.type) and field.name in known
        ]
        if times:
            files = files.sort_by(f"{_LEAST}{times[0]}")
        ranged = [*times, *_CLUSTERED.intersection(known, schema.names)]
        size = max(isqrt(len(files)), 1)
        return [cls(files.slice(start, size), ranged) for start in range(0, len(files), size)]

    @cached_property
    def range(self) -> ds.Expression:
        """What is known of all their rows."""
        return _all(_ranges(self._files, self._ranged))

    @cached_property
    def each(self) -> Sequence[tuple[str, ds.Expression]]:
        """The path of each file, and what is known of its rows."""
        return [
            (str(file["path"][0].as_py()), _all([*_ranges(file, self._ranged), *_partitions(file)]))
            for file in (self._files.slice(place, 1) for place in range(len(self._files)))
        ]


def _ranges(files: pa.Table, ranged: Sequence[str]) -> Iterable[ds.Expression]:
    for name in ranged:
        least, greatest, nulls = (files[f"{what}.{name}"] for what in ("min", "max", "null_count"))
        if not (least.null_count or greatest.null_count or nulls.null_count):
            yield _between(name, pc.min(least), pc.max(greatest), pc.max(nulls).as_py())


def _partitions(file: pa.Table) -> Iterable[ds.Expression]:
    for name in file.column_names:
        if name.startswith("partition."):
            field, value = ds.field(name.removeprefix("partition.")), file[name][0]
            yield field == value if value.is_valid else field.is_null()


def _between(name: str, least: pa.Scalar, greatest: pa.Scalar, nulls: int) -> ds.Expression:
    field = ds.field(name)
    most = pc.add(greatest, _BEYOND) if pa.types.is_timestamp(greatest.type) else greatest
    inside = (field >= least) & (field <= most)
    return (inside | field.is_null()) if nulls else (inside & field.is_valid())


def _all(conditions: Iterable[ds.Expression]) -> ds.Expression:
    return reduce(and_, conditions, ds.scalar(True))
