"""Runs statements in Spark, a few at a time, and tracks each as an operation of the protocol."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast
from uuid import UUID, uuid4

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes
from pyspark.sql import SparkSession
from pyspark.sql.classic.dataframe import DataFrame

from local.databricks.errors import error_message
from local.databricks.execution_log import ExecutionLog
from local.databricks.wire_types import ResultRows, bind_parameters

_MAX_CONCURRENT = 16
_SUCCESS = ttypes.TStatus(ttypes.TStatusCode.SUCCESS_STATUS)


class Operation:
    """One statement that runs in the background or has ended.

    Args:
        statement: its text.
        future: of its result.
        cancel: asks Spark to stop the statement.
    """

    def __init__(
        self, statement: str, future: Future[pa.Table], cancel: Callable[[], None]
    ) -> None:
        self.id: UUID = uuid4()
        self.statement = statement
        self.cancel = cancel
        self._future = future
        self._rows: ResultRows | None = None

    @property
    def handle(self) -> ttypes.TOperationHandle:
        """The handle by which a client refers to the operation."""
        identifier = ttypes.THandleIdentifier(self.id.bytes, self.id.bytes)
        return ttypes.TOperationHandle(
            identifier, ttypes.TOperationType.EXECUTE_STATEMENT, hasResultSet=True
        )

    @property
    def rows(self) -> ResultRows:
        """The result; waits for it, and raises what the statement raised."""
        if self._rows is None:
            self._rows = ResultRows(self._future.result())
        return self._rows

    def status(self, timeout: float | None) -> ttypes.TGetOperationStatusResp:
        """The state after at most `timeout` seconds of waiting; None waits for the end."""
        concurrent.futures.wait([self._future], timeout)
        if not self._future.done():
            return ttypes.TGetOperationStatusResp(_SUCCESS, ttypes.TOperationState.RUNNING_STATE)
        error = self._future.exception()
        if error is not None:
            return ttypes.TGetOperationStatusResp(
                _SUCCESS,
                ttypes.TOperationState.ERROR_STATE,
                displayMessage=error_message(error),
                diagnosticInfo=repr(error),
            )
        return ttypes.TGetOperationStatusResp(
            _SUCCESS,
            ttypes.TOperationState.FINISHED_STATE,
            hasResultSet=True,
            numModifiedRows=self.rows.modified,
        )


class StatementRunner:
    """Executes statements in a thread pool and logs each execution.

    Args:
        executions: the log.
    """

    def __init__(self, executions: ExecutionLog) -> None:
        self._executions = executions
        self._pool = ThreadPoolExecutor(_MAX_CONCURRENT, thread_name_prefix="statement")

    def start(
        self,
        spark: SparkSession,
        session: str,
        statement: str,
        parameters: list[ttypes.TSparkParameter] | None,
    ) -> Operation:
        """Start a statement.

        Args:
            spark: of the session.
            session: its id, for the log.
            statement: text with named or positional parameters.
            parameters: their values.
        """
        group = str(uuid4())

        def run() -> pa.Table:
            with self._executions.record(session, statement):
                spark.sparkContext.setJobGroup(group, statement[:100], interruptOnCancel=True)
                return _execute(spark, statement, parameters)

        return Operation(
            statement, self._pool.submit(run), lambda: spark.sparkContext.cancelJobGroup(group)
        )

    def fail(self, statement: str, message: str) -> Operation:
        """An operation that ended in error without an execution."""
        failed: Future[pa.Table] = Future()
        failed.set_exception(RuntimeError(message))
        return Operation(statement, failed, lambda: None)


def _execute(
    spark: SparkSession, statement: str, parameters: list[ttypes.TSparkParameter] | None
) -> pa.Table:
    result = spark.sql(statement, args=bind_parameters(parameters) or None)
    if not result.columns:
        return pa.table({})
    # toArrow() fails on the nested result of OPTIMIZE with this version of pyarrow.
    batches = cast(DataFrame, result)._collect_as_arrow(empty_list_if_zero_records=False)
    return pa.Table.from_batches(batches)
