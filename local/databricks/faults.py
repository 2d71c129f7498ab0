"""Faults that wait for a matching request, and their effect on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import TypeVar

from local.databricks.errors import (
    ConnectionLost,
    HTTPStatusError,
    RequestRejected,
    StatementFailed,
)

Reply = TypeVar("Reply")

DIRECT_RESULT_SECONDS = 5.0
"""A statement that takes longer is answered as running, and the client polls for it."""


class FaultKind(StrEnum):
    """The point in the life of a request at which a fault strikes."""

    LOSE_REQUEST = "lose request"  # the connection breaks before the statement is executed
    ABANDON = "abandon"  # the connection breaks while the statement runs
    LOSE_REPLY = "lose reply"  # the connection breaks after the statement was executed
    DELAY = "delay"  # the statement is executed and the reply comes late
    REFUSE = "refuse"  # an HTTP status instead of a reply; nothing is executed
    REJECT = "reject"  # a reply with an error status; nothing is executed
    FAIL = "fail"  # an operation that ended in error; nothing is executed
    EXPIRE = "expire"  # the session is closed before the statement


@dataclass(frozen=True)
class Fault:
    """A fault for the next requests that match it.

    Args:
        kind: its effect.
        matching: regular expression that is searched for in the statement.
        times: number of requests that it affects; None means all.
        lasting: seconds for which it waits for requests; None means without limit.
        rpc: name of the Thrift call that it affects.
        seconds: delay of a late reply.
        status: HTTP status of a refusal.
        retry_after: seconds in the Retry-After header of a refusal; None leaves it out.
        message: text of the error; `{session}` is replaced by the session's id.
    """

    kind: FaultKind
    matching: str = ""
    times: int | None = 1
    lasting: float | None = None
    rpc: str = "ExecuteStatement"
    seconds: float = 0.0
    status: int = 503
    retry_after: int | None = None
    message: str = ""


class PendingFaults:
    """Faults that have not struck yet, in the order in which they were added.

    Args:
        monotonic: returns seconds of a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._pending: list[_PendingFault] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        deadline = None if fault.lasting is None else self._monotonic() + fault.lasting
        with self._lock:
            self._pending.append(_PendingFault(fault, fault.times, deadline))

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._pending.clear()

    def take(self, rpc: str, statement: str) -> Fault | None:
        """The first fault that matches this request, counted as used once; None without one."""
        now = self._monotonic()
        with self._lock:
            self._pending = [each for each in self._pending if each.is_active(now)]
            for each in self._pending:
                if each.fault.rpc == rpc and re.search(each.fault.matching, statement):
                    each.times = each.times and each.times - 1
                    return each.fault
        return None


@dataclass
class _PendingFault:
    fault: Fault
    times: int | None
    deadline: float | None

    def is_active(self, now: float) -> bool:
        return self.times != 0 and (self.deadline is None or now < self.deadline)


def apply_fault(
    fault: Fault | None,
    session: str,
    answer: Callable[[float | None], Reply],
    expire_session: Callable[[], None],
) -> Reply:
    """Answer a request under a fault.

    Args:
        fault: of this request, or None.
        session: id of the request's session, for messages.
        answer: executes the request and returns the reply. Its argument is the number of seconds
            to wait for the statement; None waits for its end.
        expire_session: closes the session.

    Raises:
        ConnectionLost, HTTPStatusError, RequestRejected, StatementFailed: as the fault says.
    """
    if fault is None:
        return answer(DIRECT_RESULT_SECONDS)
    message = fault.message.replace("{session}", session)
    match fault.kind:
        case FaultKind.LOSE_REQUEST:
            raise ConnectionLost
        case FaultKind.ABANDON:
            answer(0)
            raise ConnectionLost
        case FaultKind.LOSE_REPLY:
            answer(None)
            raise ConnectionLost
        case FaultKind.DELAY:
            reply = answer(None)
            time.sleep(fault.seconds)
            return reply
        case FaultKind.REFUSE:
            raise HTTPStatusError(fault.status, message, fault.retry_after)
        case FaultKind.REJECT:
            raise RequestRejected(message)
        case FaultKind.FAIL:
            raise StatementFailed(message)
        case FaultKind.EXPIRE:
            expire_session()
            if message:
                raise HTTPStatusError(fault.status, message)
            return answer(DIRECT_RESULT_SECONDS)
