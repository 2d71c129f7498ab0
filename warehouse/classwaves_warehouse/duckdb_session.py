"""DuckDB over Arrow tables and datasets, queried in the Databricks dialect.

DuckDB and sqlglot take 24 MiB. They are imported by the first session, so that a consumer, which
only appends, does without them.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.dataset as ds

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
        import duckdb  # noqa: PLC0415

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
        import duckdb  # noqa: PLC0415
        from sqlglot.errors import ParseError  # noqa: PLC0415

        from classwaves_warehouse.duckdb_dialect import to_duckdb  # noqa: PLC0415

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
