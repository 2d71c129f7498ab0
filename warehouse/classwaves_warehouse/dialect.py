"""Databricks SQL as DuckDB understands it: sqlglot's translation, and what it leaves different."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlglot import exp, parse_one


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement for DuckDB, and the names of its parameters."""

    text: str
    parameters: frozenset[str]


@lru_cache(maxsize=256)
def translated(sql: str) -> Statement:
    """One statement of the Databricks dialect for DuckDB.

    Raises:
        sqlglot.errors.ParseError: it is none.
    """
    tree = parse_one(sql, dialect="databricks").transform(_mended)
    names = frozenset(str(each.this) for each in tree.find_all(exp.Placeholder) if each.this)
    return Statement(tree.sql(dialect="duckdb"), names)


def _mended(node: exp.Expr) -> exp.Expr:
    mend = _MENDS.get(type(node))
    return mend(node) if mend else node


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _whole_units(node: exp.Expr) -> exp.Expr:
    # DuckDB's DATE_DIFF counts the boundaries between two moments, as Spark does for dates alone.
    unit = node.args.get("unit")
    return (
        _call("DATE_SUB", exp.Literal.string(unit.name.lower()), node.expression, node.this)
        if unit
        else node
    )


def _function(node: exp.Expr) -> exp.Expr:
    if node.name.upper() != "TIMESTAMP_MICROS":
        return node
    return exp.cast(_call("MAKE_TIMESTAMP", *node.expressions), "TIMESTAMPTZ")


def _field(node: exp.Expr) -> exp.Expr:
    # A text that is no JSON has no fields; DuckDB would fail. Its TRY asks row by row and takes longer.
    return exp.Case().when(_call("JSON_VALID", node.this.copy()), node)


_MENDS: Final[Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr]]] = {
    exp.TimestampDiff: _whole_units,
    exp.DateDiff: _whole_units,
    exp.Anonymous: _function,
    exp.JSONExtractScalar: _field,
    # The value at the greatest key, be it NULL.
    exp.ArgMax: lambda node: _call("ARG_MAX_NULL", node.this, node.expression),
    exp.ArgMin: lambda node: _call("ARG_MIN_NULL", node.this, node.expression),
}
