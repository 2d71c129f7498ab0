"""The calls of Databricks' Thrift protocol that its SQL connector uses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from databricks.sql.thrift_api.TCLIService import TCLIService, ttypes

from local.databricks.errors import RequestRejected, StatementFailed
from local.databricks.faults import PendingFaults, apply_fault
from local.databricks.sessions import Sessions, session_id
from local.databricks.statements import Operation, StatementRunner

_SUCCESS = ttypes.TStatus(ttypes.TStatusCode.SUCCESS_STATUS)
# The client polls again at once, so each poll waits; it cannot cancel meanwhile, so not long.
_POLL_SECONDS = 0.5

Request = TypeVar("Request")
Reply = TypeVar("Reply")


def _reports_rejection(
    reply: Callable[..., Reply],
) -> Callable[[Callable[[Protocol, Request], Reply]], Callable[[Protocol, Request], Reply]]:
    """Decorate a call so that RequestRejected becomes a reply with an error status."""

    def decorate(
        call: Callable[[Protocol, Request], Reply],
    ) -> Callable[[Protocol, Request], Reply]:
        @functools.wraps(call)
        def answer(self: Protocol, request: Request) -> Reply:
            try:
                return call(self, request)
            except RequestRejected as error:
                status = ttypes.TStatus(ttypes.TStatusCode.ERROR_STATUS, errorMessage=str(error))
                return reply(status=status)

        return answer

    return decorate


class Protocol(TCLIService.Iface):
    """Handles the calls that the connector's generated Thrift processor dispatches.

    Catalog calls (GetTables and others), cloud fetch and compression are not implemented; the
    connector's SQL works without them.

    Args:
        sessions: the open ones.
        statements: executes them.
        faults: to apply to matching requests.
    """

    def __init__(
        self, sessions: Sessions, statements: StatementRunner, faults: PendingFaults
    ) -> None:
        self._sessions = sessions
        self._statements = statements
        self._faults = faults
        self._operations: dict[UUID, Operation] = {}

    @_reports_rejection(ttypes.TOpenSessionResp)
    def OpenSession(self, request: ttypes.TOpenSessionReq) -> ttypes.TOpenSessionResp:  # noqa: N802
        """Open a session in the client's catalog and schema."""

        def answer(_: float | None) -> ttypes.TOpenSessionResp:
            session = self._sessions.open(request.configuration or {}, request.initialNamespace)
            return ttypes.TOpenSessionResp(
                status=_SUCCESS,
                # From this version on the client lets the server bind parameters.
                serverProtocolVersion=ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8,
                sessionHandle=ttypes.TSessionHandle(
                    ttypes.THandleIdentifier(session.bytes, session.bytes)
                ),
                initialNamespace=request.initialNamespace,
                canUseMultipleCatalogs=True,
            )

        return apply_fault(self._faults.take("OpenSession", ""), "", answer, lambda: None)

    @_reports_rejection(ttypes.TCloseSessionResp)
    def CloseSession(self, request: ttypes.TCloseSessionReq) -> ttypes.TCloseSessionResp:  # noqa: N802
        """Close an open session."""
        self._sessions.find(request.sessionHandle)
        self._sessions.close(request.sessionHandle)
        return ttypes.TCloseSessionResp(status=_SUCCESS)

    @_reports_rejection(ttypes.TExecuteStatementResp)
    def ExecuteStatement(  # noqa: N802
        self, request: ttypes.TExecuteStatementReq
    ) -> ttypes.TExecuteStatementResp:
        """Start a statement, and answer with its first rows if it ends soon."""
        session = str(session_id(request.sessionHandle))

        def answer(timeout: float | None) -> ttypes.TExecuteStatementResp:
            spark = self._sessions.find(request.sessionHandle)
            operation = self._statements.start(
                spark, session, request.statement, request.parameters
            )
            return self._first_answer(operation, request.getDirectResults, timeout)

        try:
            return apply_fault(
                self._faults.take("ExecuteStatement", request.statement),
                session,
                answer,
                lambda: self._sessions.close(request.sessionHandle),
            )
        except StatementFailed as error:
            failed = self._statements.fail(request.statement, str(error))
            return self._first_answer(failed, request.getDirectResults, 0)

    @_reports_rejection(ttypes.TGetOperationStatusResp)
    def GetOperationStatus(  # noqa: N802
        self, request: ttypes.TGetOperationStatusReq
    ) -> ttypes.TGetOperationStatusResp:
        """The state of a statement, after a short wait for its end."""
        return self._find(request.operationHandle).status(_POLL_SECONDS)

    @_reports_rejection(ttypes.TGetResultSetMetadataResp)
    def GetResultSetMetadata(  # noqa: N802
        self, request: ttypes.TGetResultSetMetadataReq
    ) -> ttypes.TGetResultSetMetadataResp:
        """The columns of a statement's result."""
        return self._find(request.operationHandle).rows.metadata()

    @_reports_rejection(ttypes.TFetchResultsResp)
    def FetchResults(self, request: ttypes.TFetchResultsReq) -> ttypes.TFetchResultsResp:  # noqa: N802
        """The next rows of a statement's result."""
        operation = self._find(request.operationHandle)

        def answer(_: float | None) -> ttypes.TFetchResultsResp:
            row_set = operation.rows.read(request.maxRows, request.maxBytes)
            return ttypes.TFetchResultsResp(
                _SUCCESS,
                operation.rows.has_more,
                row_set,
                resultSetMetadata=operation.rows.metadata(),
            )

        return apply_fault(
            self._faults.take("FetchResults", operation.statement), "", answer, lambda: None
        )

    @_reports_rejection(ttypes.TCancelOperationResp)
    def CancelOperation(self, request: ttypes.TCancelOperationReq) -> ttypes.TCancelOperationResp:  # noqa: N802
        """Ask Spark to cancel a statement."""
        self._find(request.operationHandle).cancel()
        return ttypes.TCancelOperationResp(_SUCCESS)

    @_reports_rejection(ttypes.TCloseOperationResp)
    def CloseOperation(self, request: ttypes.TCloseOperationReq) -> ttypes.TCloseOperationResp:  # noqa: N802
        """Drop a statement and its result."""
        self._operations.pop(self._find(request.operationHandle).id)
        return ttypes.TCloseOperationResp(_SUCCESS)

    def _find(self, handle: ttypes.TOperationHandle) -> Operation:
        operation = UUID(bytes=handle.operationId.guid)
        if operation not in self._operations:
            raise RequestRejected(f"Invalid OperationHandle: OperationHandle [{operation}]")
        return self._operations[operation]

    def _first_answer(
        self,
        operation: Operation,
        wanted: ttypes.TSparkGetDirectResults | None,
        timeout: float | None,
    ) -> ttypes.TExecuteStatementResp:
        self._operations[operation.id] = operation
        reply = ttypes.TExecuteStatementResp(_SUCCESS, operation.handle)
        if wanted is None:
            return reply
        status = operation.status(timeout)
        reply.directResults = direct = ttypes.TSparkDirectResults(operationStatus=status)
        if status.operationState == ttypes.TOperationState.FINISHED_STATE:
            direct.resultSetMetadata = operation.rows.metadata()
            row_set = operation.rows.read(wanted.maxRows, wanted.maxBytes)
            direct.resultSet = ttypes.TFetchResultsResp(_SUCCESS, operation.rows.has_more, row_set)
            if not operation.rows.has_more:
                direct.closeOperation = self.CloseOperation(
                    ttypes.TCloseOperationReq(operation.handle)
                )
        return reply
