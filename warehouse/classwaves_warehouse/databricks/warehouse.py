"""The `Warehouse` of a Databricks catalog."""

import time

from classwaves_runtime.clock import Clock, SystemClock
from classwaves_schemas.tables import INGESTOR_POSITIONS, SESSION_EVENTS
from classwaves_warehouse.databricks.books import SqlBooks
from classwaves_warehouse.databricks.events import DatabricksEvents
from classwaves_warehouse.databricks.hours import DatabricksHours
from classwaves_warehouse.databricks.ledger import DatabricksLedger
from classwaves_warehouse.databricks.patience import Patience
from classwaves_warehouse.databricks.session import Connection, Session
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.tables import DatabricksTables, describe, mismatches
from classwaves_warehouse.databricks.warming import Warming
from classwaves_warehouse.errors import TableMismatch, WarehouseAddressError
from classwaves_warehouse.stream import Stream

PATIENT = Patience(time.sleep)
"""About 15 s of pauses, and no attempt after a minute: longer waits are the caller's, who can stop in between."""


class DatabricksWarehouse:
    """Tables that a SQL warehouse reads and writes for us. Nothing is asked of it before the first call.

    Args:
        settings: where it is, and who we are there.
        patience: how long a call goes on trying.
        clock: for the age of sessions.
    """

    def __init__(
        self, settings: DatabricksSettings, patience: Patience = PATIENT, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._patience = patience
        self._clock = clock or SystemClock()
        self._warming = Warming(settings.databricks_warming_seconds, self._clock)
        self.tables = DatabricksTables(self._session(None), settings.databricks_catalog, patience)
        self.events = DatabricksEvents(self._session(SESSION_EVENTS.schema), patience)

    def ledger(self, stream: Stream) -> DatabricksLedger:
        """Writing, for the thread that asks. The tables are held against their contracts by the first call."""
        session = self._session(SESSION_EVENTS.schema)
        return DatabricksLedger(
            SqlBooks(session, stream), stream, lambda: self._check(session), self._patience
        )

    def hours(self) -> DatabricksHours:
        """The rollup's reading and writing, for the thread that asks."""
        return DatabricksHours(
            self._session(None), self._settings.databricks_catalog, self._patience
        )

    def _check(self, session: Session) -> None:
        catalog = f"`{self._settings.databricks_catalog}`"
        tables = (SESSION_EVENTS, INGESTOR_POSITIONS)
        found = [
            each
            for table in tables
            for each in mismatches(table, describe(session, catalog, table))
        ]
        if found:
            raise TableMismatch("; ".join(map(str, found)))

    def _session(self, schema: str | None) -> Session:
        where = f"warehouse {self._settings.databricks_warehouse_id} at {self._settings.databricks_host}"
        return Session(self._connect, schema, where, self._clock, self._warming)

    def _connect(self) -> Connection:
        try:
            from classwaves_warehouse.databricks.connection import connect  # noqa: PLC0415  # an extra of its own
        except ModuleNotFoundError as error:
            raise WarehouseAddressError(
                "WAREHOUSE is databricks:, which needs the connector: pip install 'classwaves-ingestor[databricks]'."
            ) from error
        return connect(self._settings)
