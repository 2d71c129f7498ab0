"""Reading tables of a catalog at pinned versions."""

from collections.abc import Sequence

import pyarrow as pa

from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import Table
from classwaves_warehouse.databricks.session import Session
from classwaves_warehouse.databricks.snapshot import DatabricksSnapshot, is_version_gone
from classwaves_warehouse.errors import VersionGone, WarehouseError
from classwaves_warehouse.pinned_reads import PinnedReads, Read


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
            name = read.table.qualified_name
            try:
                return snapshot.query(read.sql, read.parameters)
            except WarehouseError as error:
                if is_version_gone(error):
                    raise VersionGone(
                        f"{name}: version {snapshot.versions[name]} can no longer be read."
                    ) from error
                raise

        return PinnedReads(snapshot.versions, run, self._max_rows)
