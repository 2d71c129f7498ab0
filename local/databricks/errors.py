"""What can go wrong while a local Databricks endpoint is found, started or used."""

from py4j.protocol import Py4JJavaError
from thrift.transport.TTransport import TTransportException

from classwaves_runtime.errors import ServiceError


class EndpointError(ServiceError):
    """The local Databricks endpoint did not become ready."""


class UnboundParameter(ServiceError):
    """A statement's parameter has a type that the endpoint does not know."""


class ConnectionLost(TTransportException):  # type: ignore[misc]
    """The reply is not to be sent. The generated processor lets this class of errors, and no other, through."""


class Refused(TTransportException):  # type: ignore[misc]
    """The request is to be answered with an HTTP status instead of a Thrift reply."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message=message)
        self.status = status
        self.retry_after = retry_after


class Rejected(Exception):
    """The request is to be answered with a Thrift status of error: no operation comes to be."""


def explain(error: BaseException) -> str:
    """What a user of Databricks sees of an error of Spark: its own message, without the ways of the JVM."""
    if isinstance(error, Py4JJavaError):
        return str(error.java_exception.getMessage())
    return str(error)
