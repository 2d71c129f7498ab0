"""One session at a SQL warehouse: opened on first use, reopened when lost, errors mapped."""

import re
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol

import pyarrow as pa

from classwaves_runtime.clock import Clock
from classwaves_runtime.errors import ClassWavesError
from classwaves_warehouse.errors import (
    TableMissing,
    WarehouseError,
    WarehouseRefused,
    WarehouseUnavailable,
    WarehouseWarming,
)

Value = str | int | float | datetime | None
"""A parameter that the connector binds by its type; a datetime has a time zone."""

SOCKET_SECONDS: Final = 60.0
"""A reply counts as lost after this silence: the server answers, if only that a statement runs,
within 5 s."""

# Sessions were lost after hours, and their clients then failed until they were restarted.
_MAX_AGE_SECONDS: Final = 3600.0
_MAX_IDLE_SECONDS: Final = 600.0

_NEW_START_SECONDS: Final = 180.0
"""Waiting callers ask at least once a minute, so an error after this silence is another start."""

_SESSION_LOST: Final = re.compile(
    r"Invalid SessionHandle|session handle.*(not|n't) (been )?initiali[sz]ed"
    r"|session .*(is closed|expired|does not exist)",
    re.IGNORECASE | re.DOTALL,
)
_STARTING: Final = re.compile(
    r"TEMPORARILY_UNAVAILABLE|warehouse .*is starting"
    r"|cluster .*(is starting|is in state Pending|is not ready)"
    r"|Unknown state STARTING|Couldn't create directory \S+/_resources"
    r"|session handle.*(not|n't) (been )?initiali[sz]ed",
    re.IGNORECASE | re.DOTALL,
)
_TABLE_MISSING: Final = re.compile(
    r"TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|DELTA_TABLE_NOT_FOUND|SQLSTATE: 42P01"
)
_REFUSED: Final = re.compile(
    r"SQLSTATE: 42|PERMISSION_DENIED|INSUFFICIENT_PERMISSIONS|does not have .*permission"
)
# The connector's OAuth client has no error class for a rejected client id or secret.
_TOKEN_REFUSED: Final = re.compile(r"Failed to get token: 40[013]\b")
_HTTP_NOT_FOUND: Final = 404
_REFUSING_HTTP_CODES: Final = {401, 403, _HTTP_NOT_FOUND}

_MAX_MESSAGE_LENGTH: Final = 500


class Connection(Protocol):
    """The part of a DB-API connection that a session uses."""

    def cursor(self) -> Any:  # noqa: ANN401  # each connector has its own class
        """A new DB-API cursor, a context manager whose rows can be fetched as Arrow."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


class ColdStartTimer:
    """How long a stopped warehouse has been starting.

    Args:
        budget: seconds after which a start is reported as a failure.
        clock: for the duration.
    """

    def __init__(self, budget: float, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._started_at: float | None = None
        self._last_error_at = 0.0

    def check(self, error: WarehouseWarming) -> WarehouseUnavailable:
        """The error to raise after the warehouse said that it is starting.

        Returns:
            the same error, or a WarehouseUnavailable once the start exceeds its budget.
        """
        now = self._clock.monotonic()
        if self._started_at is None or now - self._last_error_at > _NEW_START_SECONDS:
            self._started_at = now
        self._last_error_at = now
        elapsed = now - self._started_at
        if elapsed < self._budget:
            return error
        return WarehouseUnavailable(
            f"{error} But it has been starting for {elapsed:.0f} s, longer than"
            f" DATABRICKS_WARMING_SECONDS ({self._budget:.0f}): look at the warehouse's page in"
            " the workspace."
        )

    def reset(self) -> None:
        """The warehouse has answered."""
        self._started_at = None


class Session:
    """Runs statements one after another, for one thread.

    Args:
        connect: opens a session of the server.
        schema: of unqualified table names; None if it may not exist yet.
        where: names the warehouse in messages.
        clock: for the age of the session.
        cold_start: shared by the sessions of a warehouse.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        schema: str | None,
        where: str,
        clock: Clock,
        cold_start: ColdStartTimer,
    ) -> None:
        self._connect = connect
        self._schema = schema
        self._where = where
        self._clock = clock
        self._cold_start = cold_start
        self._connection: Connection | None = None
        self._finalizer: weakref.finalize[[Connection], Session] | None = None
        self._opened_at = self._used_at = 0.0

    def run(self, statement: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Run a statement once. After an error its outcome is unknown.

        Args:
            statement: SQL with named parameters.
            parameters: their values.

        Raises:
            WarehouseWarming: the warehouse is starting.
            WarehouseUnavailable: it did not answer, or could not execute the statement now.
            TableMissing, WarehouseRefused: a retry will not help.
        """
        try:
            try:
                rows = self._run_in_session(statement, parameters)
            except Exception as error:
                # A lost session has not executed the statement. If a new session is lost too, the
                # loss is not an accident.
                if not is_session_lost(error):
                    raise
                self.close()
                rows = self._run_in_session(statement, parameters)
        except ClassWavesError:
            raise
        except Exception as error:
            self.close()
            failure = map_error(error, self._where)
            if isinstance(failure, WarehouseWarming):
                failure = self._cold_start.check(failure)
            raise failure from error
        self._cold_start.reset()
        return rows

    def close(self) -> None:
        """End the session; the next statement opens another."""
        if self._finalizer is not None:
            self._finalizer()
        self._connection = self._finalizer = None

    def _run_in_session(self, statement: str, parameters: Mapping[str, Value] | None) -> pa.Table:
        connection = self._open()
        self._used_at = self._clock.monotonic()
        return _execute(connection, statement, parameters)

    def _open(self) -> Connection:
        now = self._clock.monotonic()
        if now - self._opened_at > _MAX_AGE_SECONDS or now - self._used_at > _MAX_IDLE_SECONDS:
            self.close()
        if self._connection is None:
            self._connection = connection = self._connect()
            self._finalizer = weakref.finalize(self, _close_quietly, connection)
            self._opened_at = now
            if self._schema is not None:
                _execute(connection, f"USE SCHEMA {self._schema}", None)
        return self._connection


def is_session_lost(error: Exception) -> bool:
    """Whether the server does not know the session, and so has not executed the statement."""
    return _http_code(error) == _HTTP_NOT_FOUND or bool(_SESSION_LOST.search(str(error)))


def map_error(error: Exception, where: str) -> WarehouseError:
    """The warehouse error for an error of the connector.

    Whether a statement was executed is never concluded from an error: callers look at the table.

    Args:
        error: of the connector.
        where: names the warehouse in the message.
    """
    text = f"{where}: {_first_line(error)}"
    code = _http_code(error)
    if code in _REFUSING_HTTP_CODES or _TOKEN_REFUSED.search(str(error)):
        status = f" (HTTP {code})." if code in _REFUSING_HTTP_CODES else ""
        return WarehouseRefused(
            f"{text}{status} Check DATABRICKS_HOST, DATABRICKS_WAREHOUSE_ID and the credentials."
        )
    if _STARTING.search(str(error)):
        return WarehouseWarming(f"{text} It is starting up: wait.")
    if _TABLE_MISSING.search(str(error)):
        return TableMissing(f"{text} Run `ingestor tables migrate`.")
    if _REFUSED.search(str(error)):
        return WarehouseRefused(
            f"{text} Check the grants of the account, and the tables by `ingestor tables check`."
        )
    return WarehouseUnavailable(f"{text} Call again with the same arguments.")


def _execute(
    connection: Connection, statement: str, parameters: Mapping[str, Value] | None
) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(statement, dict(parameters) if parameters else None)
        rows: pa.Table = cursor.fetchall_arrow()
        return rows


def _close_quietly(connection: Connection) -> None:
    with suppress(Exception):
        connection.close()


def _http_code(error: Exception) -> int | None:
    code: int | None = (getattr(error, "context", None) or {}).get("http-code")
    return code


def _first_line(error: Exception) -> str:
    """The message without Spark's plan on the lines below, which may hold values of a row."""
    return str(error).strip().partition("\n")[0][:_MAX_MESSAGE_LENGTH]
