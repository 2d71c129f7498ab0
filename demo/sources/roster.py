"""The sessions that the generated source tables describe, and columns made from arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Column, ColumnType, Table

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MINUTE: Final = 60_000_000
"""In microseconds, as all times here are."""

_NEUTRAL: Final[Mapping[ColumnType, Any]] = {
    ColumnType.STRING: "",
    ColumnType.INT: 0,
    ColumnType.TIMESTAMP: 0,
    ColumnType.BOOLEAN: True,
    ColumnType.SCORE: 0,
}
_SCATTER: Final = np.uint64(0x9E3779B97F4A7C15)


def ids(kind: int, numbers: Ints) -> pa.Array:
    """UUIDs by number; those of different kinds differ."""
    return pc.binary_join_element_wise(f"3d9f1c52-5d0e-4d7e-{kind:04d}-", padded(numbers, 12), "")


def pseudonyms(numbers: Ints) -> pa.Array:
    """Pupils' pseudonyms by number, as scattered as real ones."""
    scattered = (numbers.astype(np.uint64) + np.uint64(1)) * _SCATTER
    return pc.binary_join_element_wise(
        "p1_", pc.utf8_lpad(pa.array(scattered).cast(pa.string()), 32, "0"), ""
    )


def padded(numbers: Ints, width: int) -> pa.Array:
    """Numbers as texts of one width."""
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def but_null(values: pa.Array, missing: Flags) -> pa.Array:
    """The values, with NULL where they are missing."""
    return pc.if_else(pa.array(missing), pa.scalar(None, values.type), values)


def scores(rng: np.random.Generator, size: int, low: float, high: float) -> Floats:
    """Random numbers of two digits after the point."""
    return np.round(rng.uniform(low, high, size), 2)


def table(declared: Table, rows: int, columns: Mapping[str, Any]) -> tuple[str, pa.Table]:
    """A table by its qualified name.

    Columns that are not given are NULL, or neutral where NULL is not allowed.
    """
    schema = arrow_schema(declared)
    arrays = [
        _array(column, columns, rows, schema.field(column.name).type) for column in declared.columns
    ]
    return declared.qualified_name, pa.Table.from_arrays(arrays, schema=schema)


def _array(column: Column, columns: Mapping[str, Any], rows: int, kind: pa.DataType) -> pa.Array:
    if column.name not in columns:
        value = None if column.nullable else _NEUTRAL[column.type]
        return (
            pa.repeat(pa.scalar(value, kind), rows) if value is not None else pa.nulls(rows, kind)
        )
    given = columns[column.name]
    array = given if isinstance(given, pa.Array | pa.ChunkedArray) else pa.array(given)
    return array.cast(kind, safe=False) if array.type != kind else array


SCHOOL, TEACHER, SESSION, GROUP, PROMPT, ROW = range(1, 7)
"""Kinds of ids."""

_HOUR = 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Roster:
    """Sessions, one at each place of all arrays; times in microseconds since 1970.

    Args:
        begins, ends: of the lesson as it really was.
        resumed: when it was started once more; -1 if it was not.
        never_started, never_ended, ended_late, ended_twice, ended_between: what is odd in what was
            informed of it.
        unnamed: the envelopes of its events name no school.
        unknown: classroom_sessions does not have it.
        disputed: some of its envelopes name another school.
        groups: how many it has; they are numbered from `first_group` on.
    """

    schools: int
    school: Ints
    teacher: Ints
    begins: Ints
    ends: Ints
    resumed: Ints
    never_started: Flags
    never_ended: Flags
    ended_late: Flags
    ended_twice: Flags
    ended_between: Flags
    unnamed: Flags
    unknown: Flags
    disputed: Flags
    groups: Ints
    first_group: Ints

    @classmethod
    def draw(
        cls, rng: np.random.Generator, first: datetime, hours: int, schools: int, sessions: int
    ) -> Self:
        """A random roster; the arguments are those of `sources`."""
        since = int(first.timestamp()) * 1_000_000
        begins = since + np.sort(rng.integers(0, hours * _HOUR, sessions))
        ends = begins + rng.integers(25 * MINUTE, 55 * MINUTE, sessions)
        resumed = begins + ((ends - begins) * rng.uniform(0.3, 0.7, sessions)).astype(np.int64)
        school = (schools * rng.beta(1, 2, sessions)).astype(np.int64)
        groups = rng.integers(4, 7, sessions)
        odd = rng.uniform(size=sessions)
        unnamed = rng.uniform(size=sessions) < 0.05
        return cls(
            schools=schools,
            school=school,
            teacher=school * 1_000
            + rng.integers(0, max(2, sessions // schools // hours), sessions),
            begins=begins,
            ends=ends,
            resumed=np.where(rng.uniform(size=sessions) < 0.15, resumed, -1),
            never_started=odd < 0.01,
            never_ended=(odd >= 0.01) & (odd < 0.05),
            ended_late=(odd >= 0.05) & (odd < 0.07),
            ended_twice=(odd >= 0.07) & (odd < 0.10),
            ended_between=(odd >= 0.10) & (odd < 0.13),
            unnamed=unnamed,
            unknown=unnamed & (rng.uniform(size=sessions) < 0.2),
            disputed=rng.uniform(size=sessions) < 0.01,
            groups=groups,
            first_group=np.cumsum(groups) - groups,
        )

    def __len__(self) -> int:
        return len(self.begins)

    @property
    def session_ids(self) -> pa.Array:
        """The ids of all sessions."""
        return ids(SESSION, np.arange(len(self)))

    def school_ids(self, of: Ints) -> pa.Array:
        """The schools of sessions, by their places."""
        return ids(SCHOOL, self.school[of])

    def envelope_schools(self, rng: np.random.Generator, of: Ints) -> pa.Array:
        """What the envelopes of events announce, by the places of their sessions."""
        stray = self.disputed[of] & (rng.uniform(size=len(of)) < 0.3)
        named = ids(SCHOOL, np.where(stray, (self.school[of] + 1) % self.schools, self.school[of]))
        return but_null(named, self.unnamed[of])
