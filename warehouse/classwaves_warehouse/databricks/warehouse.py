"""The `Warehouse` of a Databricks catalog."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from classwaves_runtime.clock import Clock, SystemClock
from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import INGESTOR_POSITIONS, SESSION_EVENTS
from classwaves_warehouse.databricks.events import DatabricksEvents
from classwaves_warehouse.databricks.ledger import DatabricksLedger
from classwaves_warehouse.databricks.ledger_tables import SqlLedgerTables
from classwaves_warehouse.databricks.reader import DatabricksReader
from classwaves_warehouse.databricks.retry import DEFAULT_RETRY
from classwaves_warehouse.databricks.rollup import DatabricksRollupStore
from classwaves_warehouse.databricks.session import (
    SOCKET_SECONDS,
    ColdStartTimer,
    Connection,
    Session,
)
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.tables import DatabricksTables, describe, mismatches
from classwaves_warehouse.databricks.upkeep import DatabricksUpkeep
from classwaves_warehouse.errors import TableMismatch, WarehouseAddressError
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.reading import MAX_ROWS


class DatabricksWarehouse:
    """Tables of a catalog, read and written by a SQL warehouse. The first call connects.

    Args:
        settings: the warehouse and the credentials.
        retry: of each call.
        clock: for the age of sessions.
        socket_seconds: of silence after which a reply counts as lost.
    """

    def __init__(
        self,
        settings: DatabricksSettings,
        retry: RetryPolicy = DEFAULT_RETRY,
        clock: Clock | None = None,
        socket_seconds: float = SOCKET_SECONDS,
    ) -> None:
        self._settings = settings
        self._retry = retry
        self._clock = clock or SystemClock()
        self._socket_seconds = socket_seconds
        self._cold_start = ColdStartTimer(settings.databricks_warming_seconds, self._clock)
        catalog = settings.databricks_catalog
        self.tables = DatabricksTables(self._session(None), catalog, self._retry)
        self.events = DatabricksEvents(self._session(SESSION_EVENTS.schema), self._retry)

    def reader(self, max_rows: int = MAX_ROWS) -> AbstractContextManager[DatabricksReader]:
        """A reader for the calling thread; it closes its session when the context ends."""
        return self._reader(max_rows)

    @contextmanager
    def _reader(self, max_rows: int) -> Iterator[DatabricksReader]:
        with closing(self._session(None)) as session:
            catalog = f"`{self._settings.databricks_catalog}`"
            yield DatabricksReader(session, catalog, self._retry, max_rows)

    def ledger(self, stream: Stream) -> DatabricksLedger:
        """Writing, for the calling thread. Its first call compares tables with their contracts."""
        session = self._session(SESSION_EVENTS.schema)
        return DatabricksLedger(
            SqlLedgerTables(session, stream), stream, lambda: self._check(session), self._retry
        )

    def rollup(self) -> DatabricksRollupStore:
        """The rollup's reads and writes, for the calling thread."""
        return DatabricksRollupStore(
            self._session(None), self._settings.databricks_catalog, self._retry
        )

    def upkeep(self) -> DatabricksUpkeep:
        """Upkeep of the tables, for the calling thread."""
        return DatabricksUpkeep(self._session(None), self._settings.databricks_catalog, self._retry)

    def _check(self, session: Session) -> None:
        catalog = f"`{self._settings.databricks_catalog}`"
        tables = (SESSION_EVENTS, INGESTOR_POSITIONS)
        differences = [
            each
            for table in tables
            for each in mismatches(table, describe(session, catalog, table))
        ]
        if differences:
            raise TableMismatch("; ".join(map(str, differences)))

    def _session(self, schema: str | None) -> Session:
        settings = self._settings
        where = f"warehouse {settings.databricks_warehouse_id} at {settings.databricks_host}"
        return Session(self._connect, schema, where, self._clock, self._cold_start)

    def _connect(self) -> Connection:
        try:
            # The connector is an optional dependency.
            from classwaves_warehouse.databricks.connection import connect  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise WarehouseAddressError(
                "WAREHOUSE is databricks:, which needs the connector:"
                " pip install 'classwaves-ingestor[databricks]'."
            ) from error
        return connect(self._settings, self._socket_seconds)
