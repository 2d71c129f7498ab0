"""DuckDB over Arrow tables and datasets, queried in the Databricks dialect."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from sqlglot import exp, parse_one
from sqlglot.errors import ParseError

from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable
from classwaves_warehouse.interface import Parameters

_CONFIG: Final = {
    "memory_limit": "512MB",  # beyond this DuckDB spills to the temporary directory
    "threads": "2",
    "autoinstall_known_extensions": "false",
}

_READ_ERRORS: Final = (
    "reading the stream registered as",
    "exporting a stream from the object registered as",
)
"""Parts of the messages of failed reads, which DuckDB reports as invalid input."""

_DUCKDB_SUM: Final = pa.decimal128(38, 0)


class DuckDBSession:
    """A DuckDB with some tables registered, as a context. For one thread.

    Args:
        tables: by their unqualified names.
    """

    def __init__(self, tables: Mapping[str, pa.Table | ds.Dataset]) -> None:
        self._tables = tables
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            spill = opening.enter_context(TemporaryDirectory(prefix="duckdb-"))
            connect = duckdb.connect(config={**_CONFIG, "temp_directory": spill})
            self._connection = opening.enter_context(connect)
            self._connection.execute("SET TimeZone = 'UTC'")
            # In a process that DuckDB takes for interactive, the progress bar is on and on stdout.
            self._connection.execute("SET enable_progress_bar = false")
            for name, rows in self._tables.items():
                self._connection.register(name, rows)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Run a query; timestamps of the answer are UTC, in microseconds.

        Args:
            sql: a statement in the Databricks dialect.
            parameters: at least those of the statement.

        Raises:
            WarehouseRefused: the statement is wrong.
            WarehouseUnavailable: the query failed, for example because a file was removed.
        """
        try:
            statement = to_duckdb(sql)
            values = {name: parameters[name] for name in statement.parameters}
            return _with_spark_types(
                self._connection.sql(statement.text, params=values).to_arrow_table()
            )
        except (
            ParseError,
            KeyError,
            duckdb.ProgrammingError,
            duckdb.DataError,
            duckdb.NotSupportedError,
        ) as error:
            if any(part in str(error) for part in _READ_ERRORS):
                raise WarehouseUnavailable(
                    f"A table could not be read: {_first_line(error)}"
                ) from error
            raise WarehouseRefused(f"DuckDB refused the statement: {_first_line(error)}") from error
        except duckdb.Error as error:
            raise WarehouseUnavailable(f"DuckDB failed: {_first_line(error)}") from error


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


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _with_spark_types(answer: pa.Table) -> pa.Table:
    return answer.cast(
        pa.schema([field.with_type(_spark_type(field.type)) for field in answer.schema])
    )


def _spark_type(duckdb_type: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(duckdb_type):
        return pa.timestamp("us", tz="UTC")
    return pa.int64() if duckdb_type == _DUCKDB_SUM else duckdb_type
