"""A consistent read of several tables: every query reads each table at the same version."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Self

import pyarrow as pa
from sqlglot import exp, parse_one
from sqlglot.errors import ParseError

from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import Table
from classwaves_warehouse.databricks.retry import retry_after_cold_start
from classwaves_warehouse.databricks.session import Session
from classwaves_warehouse.errors import TableMissing, VersionGone, WarehouseError, WarehouseRefused
from classwaves_warehouse.reading import Parameters

_TIMESTAMP = pa.timestamp("us", tz="UTC")
_VERSION_GONE: Final = re.compile(
    r"DELTA_VERSION_NOT_FOUND|Cannot time travel|DELTA_TRUNCATED_TRANSACTION_LOG"
    r"|DELTA_LOG_FILE_NOT_FOUND|FILE_NOT_EXIST|FILE_NOT_FOUND|FileNotFound"
    # Spark's message for a join of which it could not read one side, without the reason. A wrong
    # match costs one more scan.
    r"|Exception thrown in awaitResult",
)


class DatabricksSnapshot:
    """The `Snapshot` of a catalog.

    Args:
        session: at the warehouse.
        retry: of each query.
        relations: by unqualified table name, the table at its version as SQL.
        versions: by qualified table name.
    """

    def __init__(
        self,
        session: Session,
        retry: RetryPolicy,
        relations: Mapping[str, str],
        versions: Mapping[str, int],
    ) -> None:
        self._session = session
        self._retry = retry
        self._relations = relations
        self.versions = versions

    @classmethod
    def latest(
        cls, session: Session, retry: RetryPolicy, catalog: str, tables: Sequence[Table]
    ) -> Self:
        """The latest version of each table that exists.

        Args:
            session: at the warehouse.
            retry: of each query.
            catalog: quoted name.
            tables: to read.
        """
        relations, versions = {}, {}
        for table in tables:
            name = f"{catalog}.{table.qualified_name}"
            version = _latest_version(session, retry, name)
            if version is not None:
                relations[table.name] = f"{name} VERSION AS OF {version}"
                versions[table.qualified_name] = version
        return cls(session, retry, relations, versions)

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Query the tables at their versions."""
        statement = self.qualify_tables(sql)
        values = referenced_parameters(statement, parameters)
        rows = retry_after_cold_start(
            self._retry, lambda _attempt: self._session.run(statement, values)
        )
        types = [
            _TIMESTAMP if pa.types.is_timestamp(field.type) else field.type for field in rows.schema
        ]
        return rows.cast(pa.schema(list(zip(rows.column_names, types, strict=True))))

    def qualify_tables(self, sql: str) -> str:
        """The statement with each table of the snapshot replaced by the table at its version."""
        return _qualify_tables(sql, tuple(self._relations.items()))


def is_version_gone(error: WarehouseError) -> bool:
    """Whether a query failed because a version can no longer be read."""
    return bool(_VERSION_GONE.search(str(error)))


def run_diff(
    session: Session, retry: RetryPolicy, statement: str, table: Table, since: int
) -> pa.Table:
    """Run a statement of `diff_versions`.

    Args:
        session: at the warehouse.
        retry: of the statement.
        statement: on the table.
        table: for messages.
        since: the older version, for messages.

    Raises:
        VersionGone: a version can no longer be read.
    """

    def step(_attempt: int) -> pa.Table:
        try:
            return session.run(statement)
        except WarehouseError as error:
            if is_version_gone(error):
                raise VersionGone(
                    f"{table.qualified_name}: version {since} can no longer be read."
                ) from error
            raise

    return retry_after_cold_start(retry, step)


def _latest_version(session: Session, retry: RetryPolicy, name: str) -> int | None:
    statement = f"DESCRIBE HISTORY {name} LIMIT 1"
    try:
        last = retry_after_cold_start(retry, lambda _attempt: session.run(statement))
    except TableMissing:
        return None
    return int(last["version"][0].as_py())


def referenced_parameters(sql: str, parameters: Parameters) -> Parameters:
    """The parameters that a statement uses; a warehouse may refuse others."""
    names = {
        str(each.this) for each in parse_one(sql, dialect="databricks").find_all(exp.Placeholder)
    }
    return {name: value for name, value in parameters.items() if name in names}


@lru_cache(maxsize=256)
def _qualify_tables(sql: str, relations: tuple[tuple[str, str], ...]) -> str:
    """Replace names in the original text: SQL that sqlglot generates might differ in meaning."""
    try:
        tree = parse_one(sql, dialect="databricks")
    except ParseError as error:
        raise WarehouseRefused(f"The statement is wrong: {error}") from error
    ctes = {each.alias for each in tree.find_all(exp.CTE)}
    tables = {name: relation for name, relation in relations if name not in ctes}
    replacements = [
        (table.this.meta["start"], table.this.meta["end"] + 1, tables[table.name])
        for table in tree.find_all(exp.Table)
        if not table.db and table.name in tables
    ]
    for start, end, relation in sorted(replacements, reverse=True):
        sql = sql[:start] + relation + sql[end:]
    return sql
