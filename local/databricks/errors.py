"""Errors of the local Databricks endpoint, and how a request is answered with each."""

from py4j.protocol import Py4JJavaError
from thrift.transport.TTransport import TTransportException

from classwaves_runtime.errors import ClassWavesError


class EndpointError(ClassWavesError):
    """The local Databricks endpoint did not become ready."""


class UnsupportedParameter(ClassWavesError):
    """The endpoint does not support the type of a statement's parameter."""


# The generated Thrift processor re-raises TTransportException and swallows every other error.
class ConnectionLost(TTransportException):  # type: ignore[misc]
    """Close the connection without a reply."""


class HTTPStatusError(TTransportException):  # type: ignore[misc]
    """Answer with an HTTP status instead of a Thrift reply.

    Args:
        status: of HTTP.
        message: the reason that the connector shows.
        retry_after: seconds for the Retry-After header; None leaves the header out.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message=message)
        self.status = status
        self.retry_after = retry_after


class RequestRejected(Exception):
    """Answer with a Thrift error status; no operation is created."""


class StatementFailed(Exception):
    """Answer with an operation that ended in error; the statement is not executed."""


def error_message(error: BaseException) -> str:
    """The message that Databricks shows for an error of Spark, without the JVM's stack trace."""
    if isinstance(error, Py4JJavaError):
        return str(error.java_exception.getMessage())
    return str(error)
