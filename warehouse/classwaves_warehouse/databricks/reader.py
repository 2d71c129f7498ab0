"""Reading tables of a catalog at pinned versions."""

from collections.abc import Sequence

import pyarrow as pa

from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import Table
from classwaves_warehouse.databricks import statements
from classwaves_warehouse.databricks.session import Session
from classwaves_warehouse.databricks.snapshot import DatabricksSnapshot, is_version_gone, run_diff
from classwaves_warehouse.errors import VersionGone, WarehouseError
from classwaves_warehouse.pinned_reads import PinnedReads, Read
from classwaves_warehouse.reading import Parameters


class DatabricksReader:
    """The `Reader` of a catalog. It waits for a starting warehouse.

    Args:
        session: used by this reader alone, without a schema.
        catalog: quoted name.
        retry: of each call.
        max_rows: of an answer with hours.
    """

    def __init__(self, session: Session, catalog: str, retry: RetryPolicy, max_rows: int) -> None:
        self._session = session
        self._catalog = catalog
        self._retry = retry
        self._max_rows = max_rows

    def pin(self, tables: Sequence[Table]) -> PinnedReads:
        """The latest version of each table."""
        snapshot = DatabricksSnapshot.latest(self._session, self._retry, self._catalog, tables)

        def run(read: Read) -> pa.Table:
            return query(read.sql, read.parameters)

        def query(sql: str, parameters: Parameters) -> pa.Table:
            try:
                return snapshot.query(sql, parameters)
            except WarehouseError as error:
                if is_version_gone(error):
                    read = ", ".join(
                        f"{table.qualified_name}: version {snapshot.versions[table.qualified_name]}"
                        for table in tables
                        if table.qualified_name in snapshot.versions and table.name in sql
                    )
                    raise VersionGone(f"{read} can no longer be read.") from error
                raise

        def added(table: Table, since: int, columns: Sequence[str]) -> pa.Table:
            name, until = table.qualified_name, snapshot.versions[table.qualified_name]
            statement = statements.diff_versions(f"{self._catalog}.{name}", since, until, columns)
            return run_diff(self._session, self._retry, statement, table, since)

        return PinnedReads(snapshot.versions, run, query, added, self._max_rows)
