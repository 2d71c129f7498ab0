"""DuckDB over Arrow tables and datasets, asked in the Databricks dialect."""

from collections.abc import Mapping
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from sqlglot.errors import ParseError

from classwaves_warehouse.dialect import translated
from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable
from classwaves_warehouse.hours import Parameters

_CONFIG: Final = {
    "memory_limit": "512MB",  # beyond this it spills to a temporary directory
    "threads": "2",
    "autoinstall_known_extensions": "false",
}

_UNREAD: Final = (
    "reading the stream registered as",
    "exporting a stream from the object registered as",
)
"""How DuckDB begins to tell what went wrong in a dataset; it calls that invalid input."""

_SUM: Final = pa.decimal128(38, 0)


class Duck:
    """A DuckDB that sees some tables, as a context. For one thread.

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
            # On by default where DuckDB takes a process for an interactive one; then it writes to our stdout.
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
        """The answer; its timestamps are UTC, to the microsecond.

        Args:
            sql: a statement of the Databricks dialect.
            parameters: its own, and maybe others.

        Raises:
            WarehouseRefused: the statement is wrong.
            WarehouseUnavailable: it failed; it may be that a file has gone.
        """
        try:
            statement = translated(sql)
            values = {name: parameters[name] for name in statement.parameters}
            return _as_spark_answers(
                self._connection.sql(statement.text, params=values).to_arrow_table()
            )
        except (
            ParseError,
            KeyError,
            duckdb.ProgrammingError,
            duckdb.DataError,
            duckdb.NotSupportedError,
        ) as error:
            if any(begin in str(error) for begin in _UNREAD):
                raise WarehouseUnavailable(
                    f"A table could not be read: {_first_line(error)}"
                ) from error
            raise WarehouseRefused(
                f"DuckDB does not understand the statement: {_first_line(error)}"
            ) from error
        except duckdb.Error as error:
            raise WarehouseUnavailable(f"DuckDB could not answer: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _as_spark_answers(answer: pa.Table) -> pa.Table:
    return answer.cast(pa.schema([field.with_type(_type(field.type)) for field in answer.schema]))


def _type(given: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(given):
        return pa.timestamp("us", tz="UTC")
    return pa.int64() if given == _SUM else given
