"""The table that is filled, and how it is read without the ingestor's own books."""

from pathlib import Path
from typing import Protocol

import pyarrow as pa
from deltalake import DeltaTable
from pyarrow.dataset import Dataset

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.databricks.connection import connect
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.errors import TableMissing
from demo.errors import TableInUse


class Table(Protocol):
    """Where session_events is. Its text is how people find it."""

    @property
    def shared(self) -> bool:
        """Whether others may have rows in it."""

    def require_room(self) -> None:
        """Raises TableInUse if made-up events would come among those of others."""

    def rows(self, topic_id: str) -> Dataset | pa.Table:
        """The rows that may have come from this topic."""


class FolderTable:
    """A table in a folder of the run's own: delta-rs tells which files are live.

    Args:
        folder: of the table.
    """

    shared = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def require_room(self) -> None:
        """See `Table`."""

    def rows(self, _topic_id: str) -> Dataset:
        """See `Table`: all there are."""
        return DeltaTable(self._folder).to_pyarrow_dataset()


class CatalogTable:
    """A table that a SQL warehouse keeps: one plain SELECT reads it.

    Args:
        settings: of the warehouse.
    """

    shared = True

    def __init__(self, settings: DatabricksSettings) -> None:
        self._settings = settings

    def __str__(self) -> str:
        host, catalog = self._settings.databricks_host, self._settings.databricks_catalog
        return f"{catalog}.{SESSION_EVENTS.qualified_name} at {host}"

    def require_room(self) -> None:
        """See `Table`: an endpoint on this machine is there to be played with."""
        if self._settings.on_this_machine:
            return
        try:
            rows = DatabricksWarehouse(self._settings).events.size().rows
        except TableMissing:
            return
        if rows:
            raise TableInUse(
                f"{self} holds {rows:,} rows, and these would be made-up ones: name a catalog without any in "
                "DATABRICKS_CATALOG."
            )

    def rows(self, topic_id: str) -> pa.Table:
        """See `Table`."""
        columns = "session_id, id, event_type, source, payload"
        text = f"SELECT {columns} FROM {SESSION_EVENTS.qualified_name} WHERE kafka_topic_id = :topic_id"
        with connect(self._settings) as connection, connection.cursor() as cursor:
            return cursor.execute(text, {"topic_id": topic_id}).fetchall_arrow()
