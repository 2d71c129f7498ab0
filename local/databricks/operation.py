"""A statement on its way: executed beside the request that brought it, asked about by later ones."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from concurrent.futures import Future
from uuid import UUID, uuid4

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes

from local.databricks.errors import explain
from local.databricks.rows import Rows

_SUCCESS = ttypes.TStatus(ttypes.TStatusCode.SUCCESS_STATUS)


class Operation:
    """One statement; `cancel` asks Spark to give it up."""

    def __init__(
        self, statement: str, running: Future[pa.Table], cancel: Callable[[], None]
    ) -> None:
        self.id: UUID = uuid4()
        self.statement = statement
        self.cancel = cancel
        self._running = running
        self._rows: Rows | None = None

    @property
    def handle(self) -> ttypes.TOperationHandle:
        """What a client names it by."""
        name = ttypes.THandleIdentifier(self.id.bytes, self.id.bytes)
        return ttypes.TOperationHandle(
            name, ttypes.TOperationType.EXECUTE_STATEMENT, hasResultSet=True
        )

    @property
    def rows(self) -> Rows:
        """Its result. Raises what the statement raised."""
        if self._rows is None:
            self._rows = Rows(self._running.result())
        return self._rows

    def status(self, patience: float | None) -> ttypes.TGetOperationStatusResp:
        """How it is after at most `patience` seconds of waiting (None: at its end)."""
        concurrent.futures.wait([self._running], patience)
        if not self._running.done():
            return ttypes.TGetOperationStatusResp(_SUCCESS, ttypes.TOperationState.RUNNING_STATE)
        error = self._running.exception()
        if error is not None:
            return ttypes.TGetOperationStatusResp(
                _SUCCESS,
                ttypes.TOperationState.ERROR_STATE,
                displayMessage=explain(error),
                diagnosticInfo=repr(error),
            )
        return ttypes.TGetOperationStatusResp(
            _SUCCESS,
            ttypes.TOperationState.FINISHED_STATE,
            hasResultSet=True,
            numModifiedRows=self.rows.modified,
        )
