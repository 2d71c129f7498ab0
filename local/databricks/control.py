"""A test's hand on a running endpoint: which faults come, which statements were executed."""

from __future__ import annotations

import json
import re
import urllib.request
from dataclasses import asdict
from typing import Any

from local.databricks.fault import Fault, Kind
from local.databricks.journal import Entry

# What users of cold warehouses reported.
NOT_INITIALISED = "requirement failed: Session handle: SessionHandle [{session}] has not been initialized or had already closed."
NO_DIRECTORY = "Couldn't create directory /local_disk0/tmp/{session}/_resources"
_CLOSED = "BAD_REQUEST: Invalid SessionHandle: Session [{session}] is closed."
_UNAVAILABLE = "TEMPORARILY_UNAVAILABLE: The SQL warehouse is starting and temporarily unavailable."
# Delta's own words, up to which commit was the other's.
CONFLICT = (
    "[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added to the root of the table by a concurrent"
    " update. Please try the operation again."
)


class Faults:
    """Faults for statements to come; `matching` is a regular expression to be found in a statement's text."""

    def __init__(self, url: str) -> None:
        self._url = url

    def lose_request(self, times: int = 1, matching: str = "") -> None:
        """Break the connection before the statement is executed."""
        self.add(Fault(Kind.LOSE_REQUEST, matching, times))

    def lose_reply(self, times: int = 1, matching: str = "") -> None:
        """Break the connection when the statement has been executed."""
        self.add(Fault(Kind.LOSE_REPLY, matching, times))

    def abandon(self, times: int = 1, matching: str = "") -> None:
        """Break the connection as soon as the statement has begun: it goes on, and a repeat runs beside it."""
        self.add(Fault(Kind.ABANDON, matching, times))

    def lose_fetch(self, times: int = 1, matching: str = "") -> None:
        """Break the connection when rows were read that did not fit into the statement's first answer."""
        self.add(Fault(Kind.LOSE_REPLY, matching, times, rpc="FetchResults"))

    def delay(self, seconds: float, times: int = 1, matching: str = "") -> None:
        """Execute the statement and answer `seconds` after its end."""
        self.add(Fault(Kind.DELAY, matching, times, seconds=seconds))

    def refuse(
        self, status: int, times: int = 1, matching: str = "", retry_after: int | None = None
    ) -> None:
        """Answer with an HTTP status, and with Retry-After (in seconds) if it is given; execute nothing."""
        self.add(
            Fault(
                Kind.REFUSE,
                matching,
                times,
                status=status,
                retry_after=retry_after,
                message=_UNAVAILABLE,
            )
        )

    def expire_session(self, times: int = 1, matching: str = "") -> None:
        """Close the statement's session first: this statement and all later ones in it are rejected."""
        self.add(Fault(Kind.EXPIRE, matching, times))

    def expire_session_over_http(self, times: int = 1, matching: str = "") -> None:
        """The same, but this statement is answered with an HTTP status of 400: both have been seen."""
        self.add(Fault(Kind.EXPIRE, matching, times, status=400, message=_CLOSED))

    def conflict(self, times: int = 1, matching: str = "") -> None:
        """End the statement as if another writer had committed first; execute nothing."""
        self.add(Fault(Kind.FAIL, matching, times, message=CONFLICT))

    def cold_start(
        self, seconds: float, matching: str = "", message: str = NOT_INITIALISED
    ) -> None:
        """Be a warehouse that accepts sessions and rejects their statements, for `seconds` from now."""
        self.add(Fault(Kind.REJECT, matching, None, seconds, message=message))

    def cold_start_unavailable(self, seconds: float, matching: str = "", **fields: Any) -> None:
        """Be a warehouse that answers with 503, for `seconds` from now. `fields` are others of the fault."""
        self.add(
            Fault(Kind.REFUSE, matching, None, seconds, status=503, message=_UNAVAILABLE, **fields)
        )

    def add(self, fault: Fault) -> None:
        """Any other fault."""
        _request("POST", f"{self._url}/_fault", json.dumps(asdict(fault)).encode())

    def clear(self) -> None:
        """No faults any more."""
        _request("DELETE", f"{self._url}/_fault")


class Log:
    """The statements that the endpoint executed, whatever became of their replies."""

    def __init__(self, url: str) -> None:
        self._url = url

    def entries(self, matching: str = "") -> list[Entry]:
        """The executions whose statement the regular expression finds, in the order in which they began."""
        entries = [Entry(**fields) for fields in json.loads(_request("GET", f"{self._url}/_log"))]
        return [entry for entry in entries if re.search(matching, entry.statement)]

    def statements(self, matching: str = "") -> list[str]:
        """Their texts."""
        return [entry.statement for entry in self.entries(matching)]

    def clear(self) -> None:
        """Forget what was executed."""
        _request("DELETE", f"{self._url}/_log")


# Whatever proxy the machine has, the endpoint is on this side of it.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _request(method: str, url: str, body: bytes | None = None) -> bytes:
    with _direct.open(urllib.request.Request(url, body, method=method), timeout=10) as answer:
        return bytes(answer.read())
