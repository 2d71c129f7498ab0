"""The calls of Databricks' Thrift protocol that its SQL connector makes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from uuid import UUID

from databricks.sql.thrift_api.TCLIService import TCLIService, ttypes

from local.databricks.errors import Rejected
from local.databricks.fault import Failed, PendingFaults, suffer
from local.databricks.operation import Operation
from local.databricks.session import Sessions, identify
from local.databricks.statements import Statements

_SUCCESS = ttypes.TStatus(ttypes.TStatusCode.SUCCESS_STATUS)
# The client asks again at once, so we wait; but while we wait it cannot cancel, so not for long.
_POLL_WAIT = 0.5


def _rejecting(reply: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Turn Rejected into the reply that says so."""

    def decorate(call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def answer(self: Protocol, request: Any) -> Any:
            try:
                return call(self, request)
            except Rejected as error:
                return reply(
                    status=ttypes.TStatus(ttypes.TStatusCode.ERROR_STATUS, errorMessage=str(error))
                )

        return answer

    return decorate


class Protocol(TCLIService.Iface):
    """The handler of the connector's own generated processor.

    Catalog calls (GetTables and the like), cloud fetch and compression are not there; the connector's SQL works
    without them.
    """

    def __init__(self, sessions: Sessions, statements: Statements, faults: PendingFaults) -> None:
        self._sessions = sessions
        self._statements = statements
        self._faults = faults
        self._operations: dict[UUID, Operation] = {}

    @_rejecting(ttypes.TOpenSessionResp)
    def OpenSession(self, request: ttypes.TOpenSessionReq) -> ttypes.TOpenSessionResp:  # noqa: N802
        """Open a session in the catalog and schema that the client names."""

        def answer(_: float | None) -> ttypes.TOpenSessionResp:
            session = self._sessions.open(request.configuration or {}, request.initialNamespace)
            return ttypes.TOpenSessionResp(
                status=_SUCCESS,
                # The version from which the client binds parameters on the server.
                serverProtocolVersion=ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8,
                sessionHandle=ttypes.TSessionHandle(
                    ttypes.THandleIdentifier(session.bytes, session.bytes)
                ),
                initialNamespace=request.initialNamespace,
                canUseMultipleCatalogs=True,
            )

        return suffer(self._faults.take("OpenSession", ""), "", answer, lambda: None)

    @_rejecting(ttypes.TCloseSessionResp)
    def CloseSession(self, request: ttypes.TCloseSessionReq) -> ttypes.TCloseSessionResp:  # noqa: N802
        """Close a session that is open."""
        self._sessions.find(request.sessionHandle)
        self._sessions.close(request.sessionHandle)
        return ttypes.TCloseSessionResp(status=_SUCCESS)

    @_rejecting(ttypes.TExecuteStatementResp)
    def ExecuteStatement(  # noqa: N802
        self, request: ttypes.TExecuteStatementReq
    ) -> ttypes.TExecuteStatementResp:
        """Start a statement, and answer with its first rows if it ends soon."""
        session = str(identify(request.sessionHandle))

        def answer(patience: float | None) -> ttypes.TExecuteStatementResp:
            spark = self._sessions.find(request.sessionHandle)
            operation = self._statements.start(
                spark, session, request.statement, request.parameters
            )
            return self._first_answer(operation, request.getDirectResults, patience)

        try:
            return suffer(
                self._faults.take("ExecuteStatement", request.statement),
                session,
                answer,
                lambda: self._sessions.close(request.sessionHandle),
            )
        except Failed as error:
            failed = self._statements.fail(request.statement, str(error))
            return self._first_answer(failed, request.getDirectResults, 0)

    @_rejecting(ttypes.TGetOperationStatusResp)
    def GetOperationStatus(  # noqa: N802
        self, request: ttypes.TGetOperationStatusReq
    ) -> ttypes.TGetOperationStatusResp:
        """How a statement is."""
        return self._find(request.operationHandle).status(_POLL_WAIT)

    @_rejecting(ttypes.TGetResultSetMetadataResp)
    def GetResultSetMetadata(  # noqa: N802
        self, request: ttypes.TGetResultSetMetadataReq
    ) -> ttypes.TGetResultSetMetadataResp:
        """The columns of a statement's result."""
        return self._find(request.operationHandle).rows.metadata()

    @_rejecting(ttypes.TFetchResultsResp)
    def FetchResults(self, request: ttypes.TFetchResultsReq) -> ttypes.TFetchResultsResp:  # noqa: N802
        """The next rows of a statement's result."""
        operation = self._find(request.operationHandle)

        def answer(_: float | None) -> ttypes.TFetchResultsResp:
            read = operation.rows.read(request.maxRows, request.maxBytes)
            return ttypes.TFetchResultsResp(
                _SUCCESS, operation.rows.more, read, resultSetMetadata=operation.rows.metadata()
            )

        return suffer(
            self._faults.take("FetchResults", operation.statement), "", answer, lambda: None
        )

    @_rejecting(ttypes.TCancelOperationResp)
    def CancelOperation(self, request: ttypes.TCancelOperationReq) -> ttypes.TCancelOperationResp:  # noqa: N802
        """Ask Spark to give a statement up."""
        self._find(request.operationHandle).cancel()
        return ttypes.TCancelOperationResp(_SUCCESS)

    @_rejecting(ttypes.TCloseOperationResp)
    def CloseOperation(self, request: ttypes.TCloseOperationReq) -> ttypes.TCloseOperationResp:  # noqa: N802
        """Forget a statement."""
        self._operations.pop(self._find(request.operationHandle).id)
        return ttypes.TCloseOperationResp(_SUCCESS)

    def _find(self, handle: ttypes.TOperationHandle) -> Operation:
        operation = UUID(bytes=handle.operationId.guid)
        if operation not in self._operations:
            raise Rejected(f"Invalid OperationHandle: OperationHandle [{operation}]")
        return self._operations[operation]

    def _first_answer(
        self,
        operation: Operation,
        wanted: ttypes.TSparkGetDirectResults | None,
        patience: float | None,
    ) -> ttypes.TExecuteStatementResp:
        self._operations[operation.id] = operation
        reply = ttypes.TExecuteStatementResp(_SUCCESS, operation.handle)
        if wanted is None:
            return reply
        status = operation.status(patience)
        reply.directResults = direct = ttypes.TSparkDirectResults(operationStatus=status)
        if status.operationState == ttypes.TOperationState.FINISHED_STATE:
            direct.resultSetMetadata = operation.rows.metadata()
            read = operation.rows.read(wanted.maxRows, wanted.maxBytes)
            direct.resultSet = ttypes.TFetchResultsResp(_SUCCESS, operation.rows.more, read)
            if not operation.rows.more:
                direct.closeOperation = self.CloseOperation(
                    ttypes.TCloseOperationReq(operation.handle)
                )
        return reply
