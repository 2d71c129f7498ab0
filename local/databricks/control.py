"""Clients of a running endpoint's control interface: its faults and its statement log."""

from __future__ import annotations

import json
import re
import urllib.request
from dataclasses import asdict

from local.databricks.execution_log import Execution
from local.databricks.faults import Fault, FaultKind

# Messages of warehouses that were starting, as their users reported them.
NOT_INITIALISED = (
    "requirement failed: Session handle: SessionHandle [{session}] has not been initialized"
    " or had already closed."
)
NO_DIRECTORY = "Couldn't create directory /local_disk0/tmp/{session}/_resources"
_CLOSED = "BAD_REQUEST: Invalid SessionHandle: Session [{session}] is closed."
_UNAVAILABLE = "TEMPORARILY_UNAVAILABLE: The SQL warehouse is starting and temporarily unavailable."
# The beginning of Delta's own message; the rest describes the other commit.
CONFLICT = (
    "[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added to the root of the"
    " table by a concurrent update. Please try the operation again."
)


class FaultControl:
    """Schedules faults for later statements.

    In every method `matching` is a regular expression that is searched for in a statement's
    text, and `times` is the number of statements that the fault affects.

    Args:
        url: of the endpoint.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def lose_request(self, times: int = 1, matching: str = "") -> None:
        """Break the connection before the statement is executed."""
        self.add(Fault(FaultKind.LOSE_REQUEST, matching, times))

    def lose_reply(self, times: int = 1, matching: str = "") -> None:
        """Break the connection after the statement was executed."""
        self.add(Fault(FaultKind.LOSE_REPLY, matching, times))

    def abandon(self, times: int = 1, matching: str = "") -> None:
        """Break the connection when the statement has begun; it runs on, also during a repeat."""
        self.add(Fault(FaultKind.ABANDON, matching, times))

    def lose_fetch(self, times: int = 1, matching: str = "") -> None:
        """Break the connection after reading rows that did not fit into the first answer."""
        self.add(Fault(FaultKind.LOSE_REPLY, matching, times, rpc="FetchResults"))

    def delay(self, seconds: float, times: int = 1, matching: str = "") -> None:
        """Execute the statement and answer `seconds` after its end."""
        self.add(Fault(FaultKind.DELAY, matching, times, seconds=seconds))

    def refuse(
        self, status: int, times: int = 1, matching: str = "", retry_after: int | None = None
    ) -> None:
        """Answer with an HTTP status without executing the statement.

        Args:
            status: of HTTP.
            times: number of statements.
            matching: regular expression for the statement.
            retry_after: seconds for the Retry-After header; None leaves it out.
        """
        self.add(
            Fault(
                FaultKind.REFUSE,
                matching,
                times,
                status=status,
                retry_after=retry_after,
                message=_UNAVAILABLE,
            )
        )

    def expire_session(self, times: int = 1, matching: str = "") -> None:
        """Close the session first: this statement and all later ones of the session fail."""
        self.add(Fault(FaultKind.EXPIRE, matching, times))

    def expire_session_over_http(self, times: int = 1, matching: str = "") -> None:
        """Close the session and answer this statement with HTTP status 400."""
        self.add(Fault(FaultKind.EXPIRE, matching, times, status=400, message=_CLOSED))

    def conflict(self, times: int = 1, matching: str = "") -> None:
        """Fail the statement with Delta's error for a concurrent commit; execute nothing."""
        self.add(Fault(FaultKind.FAIL, matching, times, message=CONFLICT))

    def cold_start(
        self, seconds: float, matching: str = "", message: str = NOT_INITIALISED
    ) -> None:
        """For `seconds` from now accept sessions and reject their statements."""
        self.add(Fault(FaultKind.REJECT, matching, None, seconds, message=message))

    def cold_start_unavailable(
        self,
        seconds: float,
        matching: str = "",
        retry_after: int | None = None,
        rpc: str = "ExecuteStatement",
    ) -> None:
        """For `seconds` from now answer with HTTP status 503.

        Args:
            seconds: duration.
            matching: regular expression for the statement.
            retry_after: seconds for the Retry-After header; None leaves it out.
            rpc: name of the Thrift call that is answered so.
        """
        self.add(
            Fault(
                FaultKind.REFUSE,
                matching,
                None,
                seconds,
                rpc,
                retry_after=retry_after,
                message=_UNAVAILABLE,
            )
        )

    def add(self, fault: Fault) -> None:
        """Schedule any fault."""
        _request("POST", f"{self._url}/_fault", json.dumps(asdict(fault)).encode())

    def clear(self) -> None:
        """Remove every fault."""
        _request("DELETE", f"{self._url}/_fault")


class StatementLog:
    """Reads the log of the statements that the endpoint executed.

    Args:
        url: of the endpoint.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def executions(self, matching: str = "") -> list[Execution]:
        """Executions whose statement matches the expression, in the order in which they began."""
        logged = json.loads(_request("GET", f"{self._url}/_log"))
        executions = [Execution(**fields) for fields in logged]
        return [each for each in executions if re.search(matching, each.statement)]

    def statements(self, matching: str = "") -> list[str]:
        """The texts of these executions."""
        return [each.statement for each in self.executions(matching)]

    def clear(self) -> None:
        """Remove every execution."""
        _request("DELETE", f"{self._url}/_log")


# The endpoint is on this machine: a proxy of the environment must not be asked.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _request(method: str, url: str, body: bytes | None = None) -> bytes:
    with _opener.open(urllib.request.Request(url, body, method=method), timeout=10) as answer:
        return bytes(answer.read())
