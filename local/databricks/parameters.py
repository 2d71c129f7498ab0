"""Bound parameters: what the client sends as text and type becomes a typed literal of Spark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal

from databricks.sql.thrift_api.TCLIService import ttypes
from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from local.databricks.errors import UnboundParameter


def _literal(parse: Callable[[str], object], sql: str) -> Callable[[str], Column]:
    """Spark binds literals alone, no casts of them; `parse` lets no other SQL through."""

    def bind(text: str) -> Column:
        parse(text)
        return F.expr(sql.format(text))

    return bind


_SCALARS: dict[str, Callable[[str], Column]] = {
    "STRING": F.lit,
    "BOOLEAN": lambda text: F.lit(text.lower() == "true"),
    "TINYINT": _literal(int, "{}Y"),
    "SMALLINT": _literal(int, "{}S"),
    "INT": _literal(int, "{}"),
    "BIGINT": _literal(int, "{}L"),
    "FLOAT": _literal(float, "{}F"),
    "DOUBLE": lambda text: F.lit(float(text)),
    "DECIMAL": _literal(Decimal, "{}BD"),
    "DATE": _literal(date.fromisoformat, "DATE '{}'"),
    "TIMESTAMP": _literal(datetime.fromisoformat, "TIMESTAMP '{}'"),
    "TIMESTAMP_NTZ": _literal(datetime.fromisoformat, "TIMESTAMP_NTZ '{}'"),
}


def bind(parameters: Iterable[ttypes.TSparkParameter] | None) -> dict[str, Column] | list[Column]:
    """The arguments of `SparkSession.sql`: by name if they have names, else by position.

    Raises UnboundParameter for a type that is not handled (maps and structs among them).
    """
    given = list(parameters or ())
    if any(each.name for each in given):
        return {
            each.name: _column(each.type, each.value and each.value.stringValue, each.arguments)
            for each in given
        }
    return [
        _column(each.type, each.value and each.value.stringValue, each.arguments) for each in given
    ]


def _column(
    type_: str, text: str | None, elements: list[ttypes.TSparkParameterValueArg] | None
) -> Column:
    name = re.split(r"[(<]", type_)[0].upper()
    if name == "ARRAY":
        return F.array(*(_column(each.type, each.value, each.arguments) for each in elements or ()))
    if name == "VOID" or text is None:
        return F.lit(None)
    if name not in _SCALARS:
        raise UnboundParameter(
            f"The endpoint binds no parameter of type {type_}: pass it as a STRING of JSON."
        )
    return _SCALARS[name](text)
