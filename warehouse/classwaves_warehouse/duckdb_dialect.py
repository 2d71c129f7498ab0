"""Statements in the Databricks dialect, translated for DuckDB."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlglot import exp, parse_one


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in DuckDB's dialect, and the names of its parameters."""

    text: str
    parameters: frozenset[str]


@lru_cache(maxsize=256)
def to_duckdb(sql: str) -> Statement:
    """Translate a statement from the Databricks dialect, with sqlglot and the rewrites below.

    Raises:
        sqlglot.errors.ParseError: the text is no statement.
    """
    tree = parse_one(sql, dialect="databricks").transform(_rewrite)
    names = frozenset(str(each.this) for each in tree.find_all(exp.Placeholder) if each.this)
    return Statement(tree.sql(dialect="duckdb"), names)


def _rewrite(node: exp.Expr) -> exp.Expr:
    rewrite = _REWRITES.get(type(node))
    return rewrite(node) if rewrite else node


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _whole_units(node: exp.Expr) -> exp.Expr:
    # Spark counts whole units between two timestamps, DuckDB's DATE_DIFF the unit boundaries.
    unit = node.args.get("unit")
    return (
        _call("DATE_SUB", exp.Literal.string(unit.name.lower()), node.expression, node.this)
        if unit
        else node
    )


def _timestamp_micros(node: exp.Expr) -> exp.Expr:
    if node.name.upper() != "TIMESTAMP_MICROS":
        return node
    return exp.cast(_call("MAKE_TIMESTAMP", *node.expressions), "TIMESTAMPTZ")


def _json_field(node: exp.Expr) -> exp.Expr:
    # In Spark a text that is not JSON has no fields; DuckDB fails, and its TRY is slow.
    return exp.Case().when(_call("JSON_VALID", node.this.copy()), node)


_REWRITES: Final[Mapping[type[exp.Expr], Callable[[exp.Expr], exp.Expr]]] = {
    exp.TimestampDiff: _whole_units,
    exp.DateDiff: _whole_units,
    exp.Anonymous: _timestamp_micros,
    exp.JSONExtractScalar: _json_field,
    # Spark returns the value at the greatest key even if it is NULL.
    exp.ArgMax: lambda node: _call("ARG_MAX_NULL", node.this, node.expression),
    exp.ArgMin: lambda node: _call("ARG_MIN_NULL", node.this, node.expression),
}
