"""Faults that wait for a request, and what each does to the one that it meets."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import TypeVar

from local.databricks.errors import ConnectionLost, Refused, Rejected

Reply = TypeVar("Reply")

DIRECT_WAIT = 5.0
"""Seconds that a statement may take before the client is told to ask again."""


class Kind(StrEnum):
    """Where a request goes wrong."""

    LOSE_REQUEST = "lose request"  # the connection breaks before anything was done
    ABANDON = "abandon"  # the connection breaks while the statement goes on
    LOSE_REPLY = "lose reply"  # the connection breaks when all was done
    DELAY = "delay"  # all was done, and the reply comes late
    REFUSE = "refuse"  # an HTTP status in place of a reply; nothing was done
    REJECT = "reject"  # a reply that says error; nothing was done
    FAIL = "fail"  # an operation that ended in error; nothing was done
    EXPIRE = "expire"  # the session is closed first


@dataclass(frozen=True)
class Fault:
    """A fault for the next `times` requests (None: all) to `rpc` whose statement the expression `matching` finds.

    It waits for them `lasting` seconds (None: for ever). A delayed reply comes `seconds` late. `message` may hold
    `{session}`.
    """

    kind: Kind
    matching: str = ""
    times: int | None = 1
    lasting: float | None = None
    rpc: str = "ExecuteStatement"
    seconds: float = 0.0
    status: int = 503
    retry_after: int | None = None
    message: str = ""


class Failed(Exception):
    """A statement that is to end in error without an execution."""


class PendingFaults:
    """The faults that are still to come, first come first served."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        """Let a fault wait for its requests."""
        ends = None if fault.lasting is None else self._clock() + fault.lasting
        with self._lock:
            self._waiting.append(_Waiting(fault, fault.times, ends))

    def clear(self) -> None:
        """Let no fault wait any more."""
        with self._lock:
            self._waiting.clear()

    def take(self, rpc: str, statement: str) -> Fault | None:
        """The fault that this request meets, if any."""
        now = self._clock()
        with self._lock:
            self._waiting = [each for each in self._waiting if each.is_left(now)]
            for each in self._waiting:
                if each.fault.rpc == rpc and re.search(each.fault.matching, statement):
                    each.times = each.times and each.times - 1
                    return each.fault
        return None


@dataclass
class _Waiting:
    fault: Fault
    times: int | None
    ends: float | None

    def is_left(self, now: float) -> bool:
        return self.times != 0 and (self.ends is None or now < self.ends)


def suffer(
    fault: Fault | None,
    session: str,
    answer: Callable[[float | None], Reply],
    expire: Callable[[], None],
) -> Reply:
    """Answer a request under a fault. `answer` takes the seconds to wait for a statement (None: to its end)."""
    if fault is None:
        return answer(DIRECT_WAIT)
    message = fault.message.replace("{session}", session)
    match fault.kind:
        case Kind.LOSE_REQUEST:
            raise ConnectionLost
        case Kind.ABANDON:
            answer(0)
            raise ConnectionLost
        case Kind.LOSE_REPLY:
            answer(None)
            raise ConnectionLost
        case Kind.DELAY:
            reply = answer(None)
            time.sleep(fault.seconds)
            return reply
        case Kind.REFUSE:
            raise Refused(fault.status, message, fault.retry_after)
        case Kind.REJECT:
            raise Rejected(message)
        case Kind.FAIL:
            raise Failed(message)
        case Kind.EXPIRE:
            expire()
            if message:
                raise Refused(fault.status, message)
            return answer(DIRECT_WAIT)
