"""One session at a SQL warehouse, opened when it is needed and again when it has gone."""

import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol

import pyarrow as pa

from classwaves_runtime.clock import Clock
from classwaves_runtime.errors import ServiceError
from classwaves_warehouse.databricks.failure import session_lost, translated
from classwaves_warehouse.databricks.warming import Warming
from classwaves_warehouse.errors import WarehouseWarming

Value = str | int | float | datetime | None
"""What the connector binds by its type; a datetime is aware."""

_LONGEST_SECONDS: Final = 3600.0
_LONGEST_IDLE_SECONDS: Final = 600.0
"""Sessions were lost after hours, and their users then failed until they were restarted."""


class Connection(Protocol):
    """What is asked of a DB-API connection."""

    def cursor(self) -> Any:  # noqa: ANN401  # each connector's own
        """A new DB-API cursor, as a context, whose rows can be fetched as Arrow."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


class Session:
    """Runs statements one after another; for one thread.

    Args:
        connect: opens a session of the server.
        schema: in which unqualified names are found, or None while there may be no schema.
        where: the warehouse, for messages.
        clock: for the age of a session.
        warming: what is known of the warehouse's start.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        schema: str | None,
        where: str,
        clock: Clock,
        warming: Warming,
    ) -> None:
        self._connect = connect
        self._schema = schema
        self._where = where
        self._clock = clock
        self._warming = warming
        self._connection: Connection | None = None
        self._closing: Callable[[], object] = _nothing
        self._opened_at = self._used_at = 0.0

    def run(self, statement: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Run one statement, once; after an error nothing is known of it.

        Args:
            statement: SQL with named parameters.
            parameters: their values.

        Raises:
            WarehouseWarming: the warehouse is starting up.
            WarehouseUnavailable: it did not answer, or could not do it now.
            TableMissing, WarehouseRefused: asking again will not help.
        """
        try:
            try:
                rows = self._attempt(statement, parameters)
            except Exception as error:
                # A session that was lost has not executed anything. If a new one is lost too, it is no accident.
                if not session_lost(error):
                    raise
                self.close()
                rows = self._attempt(statement, parameters)
        except ServiceError:
            raise
        except Exception as error:
            self.close()
            failure = translated(error, self._where)
            if isinstance(failure, WarehouseWarming):
                failure = self._warming.met(failure)
            raise failure from error
        self._warming.over()
        return rows

    def close(self) -> None:
        """End the session; the next statement opens another."""
        closing, self._closing, self._connection = self._closing, _nothing, None
        closing()

    def _attempt(self, statement: str, parameters: Mapping[str, Value] | None) -> pa.Table:
        connection = self._open()
        self._used_at = self._clock.monotonic()
        return _execute(connection, statement, parameters)

    def _open(self) -> Connection:
        now = self._clock.monotonic()
        if now - self._opened_at > _LONGEST_SECONDS or now - self._used_at > _LONGEST_IDLE_SECONDS:
            self.close()
        if self._connection is None:
            self._connection = connection = self._connect()
            self._closing = weakref.finalize(self, _close, connection)
            self._opened_at = now
            if self._schema is not None:
                _execute(connection, f"USE SCHEMA {self._schema}", None)
        return self._connection


def _execute(
    connection: Connection, statement: str, parameters: Mapping[str, Value] | None
) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(statement, dict(parameters) if parameters else None)
        rows: pa.Table = cursor.fetchall_arrow()
        return rows


def _close(connection: Connection) -> None:
    with suppress(Exception):
        connection.close()


def _nothing() -> None:
    """There is no session to end."""
