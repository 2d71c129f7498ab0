"""DuckDB over Arrow tables, datasets and Parquet files, queried in the Databricks dialect.

DuckDB and sqlglot take 24 MiB. They are imported by the first session, so that a consumer, which
only appends, does without them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from types import MappingProxyType, TracebackType
from typing import Final, Self, TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds

from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable
from classwaves_warehouse.reading import Parameters

_CONFIG: Final = {
    "memory_limit": "512MB",  # beyond this DuckDB spills to the temporary directory
    "threads": "2",
    "autoinstall_known_extensions": "false",
}

_READ_ERRORS: Final = (
    "reading the stream registered as",
    "exporting a stream from the object registered as",
    "too small to be a Parquet file",
    "No magic bytes found",
)
"""Parts of the messages of failed reads, which DuckDB reports as invalid input."""

_DUCKDB_SUM: Final = pa.decimal128(38, 0)


@dataclass(frozen=True, slots=True)
class ParquetFiles:
    """Local files that DuckDB reads by itself, with their statistics and Bloom filters.

    Args:
        paths: of the files; may be empty.
        schema: the columns to read. One that a file does not have is NULL.
    """

    paths: Sequence[str]
    schema: pa.Schema


Rows: TypeAlias = pa.Table | ds.Dataset | ParquetFiles
"""What a table of a session may be."""


class DuckDBSession:
    """A DuckDB with some tables, as a context. For one thread.

    Args:
        tables: by their unqualified names.
    """

    def __init__(self, tables: Mapping[str, Rows] = MappingProxyType({})) -> None:
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
            # A session that is kept reads the footer of a file once, unless the file changes.
            self._connection.execute("SET parquet_metadata_cache = true")
            for name, rows in self._tables.items():
                self.define(name, rows)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def define(self, name: str, rows: Rows) -> None:
        """Add a table, or replace it.

        Args:
            name: unqualified.
            rows: of the table.

        Raises:
            WarehouseUnavailable: a file cannot be read.
        """
        if not isinstance(rows, ParquetFiles):
            self._connection.register(name, rows)
            return
        without_rows = f"{name}_columns"
        self._connection.register(without_rows, rows.schema.empty_table())
        with _warehouse_errors():
            self._connection.execute(_view(name, rows, without_rows))

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Run a query; timestamps of the answer are UTC, in microseconds.

        Args:
            sql: a statement in the Databricks dialect.
            parameters: at least those of the statement.

        Raises:
            WarehouseRefused: the statement is wrong.
            WarehouseUnavailable: the query failed, for example because a file was removed.
        """
        from classwaves_warehouse.duckdb_dialect import to_duckdb  # noqa: PLC0415

        with _warehouse_errors():
            statement = to_duckdb(sql)
            values = {name: parameters[name] for name in statement.parameters}
            return _with_spark_types(
                self._connection.sql(statement.text, params=values).to_arrow_table()
            )


@contextmanager
def _warehouse_errors() -> Iterator[None]:
    """Raise the warehouse error for an error of DuckDB or of the translation."""
    import duckdb  # noqa: PLC0415
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        yield
    except (
        SqlglotError,
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


def _view(name: str, rows: ParquetFiles, without_rows: str) -> str:
    """The statement that makes a view of Parquet files.

    The table without rows gives the columns that no file has.
    """
    columns = ", ".join(map(_quoted, rows.schema.names))
    source = f"FROM {_quoted(without_rows)}"
    if rows.paths:
        paths = ", ".join("'" + path.replace("'", "''") + "'" for path in rows.paths)
        source += f" UNION ALL BY NAME FROM read_parquet([{paths}], union_by_name = true)"
    selected = f"SELECT {columns} FROM ({source})"  # noqa: S608 - names and paths are quoted
    return f"CREATE OR REPLACE TEMP VIEW {_quoted(name)} AS {selected}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


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
