"""Named places in the code where a test makes a process fail.

    _COMMITTED = FailPoint("committed")
    ...
    _COMMITTED.hit()

FAILPOINTS="committed=kill@3,decoded=raise@0.01" ends the process with SIGKILL at the third hit of the first, and
raises InjectedFault at each hit of the second with a probability of 1 %. `stop` freezes the process with SIGSTOP, as a
node that hangs does, until somebody sends SIGCONT. Unarmed, a hit is one test of None.
"""

import random
import re
import signal
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

from classwaves_runtime.errors import InjectedFault, SettingsError

_ORDER = re.compile(r"(?P<name>[\w-]+)=(?P<action>kill|stop|raise)@(?P<when>\d+|0?\.\d+)")
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_dice = random.SystemRandom()
_points: dict[str, "FailPoint"] = {}


class FailPoint:
    """A place that may fail on purpose, known by its name in the whole process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._fault: Callable[[], None] | None = None
        _points[name] = self

    def hit(self) -> None:
        """Fail, if that is what was ordered and the moment has come."""
        if self._fault is not None:
            self._fault()

    def arm(self, action: str, when: str) -> None:
        """Order `kill`, `stop` or `raise`, at the hit with this number or, if it has a point, with this probability."""
        strike = (
            partial(signal.raise_signal, _SIGNALS[action]) if action in _SIGNALS else self._raise
        )
        hits = count(1)

        def fault() -> None:
            if _dice.random() < float(when) if "." in when else next(hits) == int(when):
                strike()

        self._fault = fault

    def _raise(self) -> None:
        raise InjectedFault(f"FAILPOINTS ordered a fault at {self.name}.")


def arm(environ: Mapping[str, str]) -> None:
    """Arm what FAILPOINTS orders, if it is set. The modules that hold the fail points are imported before.

    Raises:
        SettingsError: an order that cannot be read, or names no fail point: a test of it would prove nothing.
    """
    for order in filter(None, environ.get("FAILPOINTS", "").split(",")):
        match = _ORDER.fullmatch(order.strip())
        if match is None or match["name"] not in _points:
            known = ", ".join(sorted(_points)) or "none"
            raise SettingsError(
                f"FAILPOINTS: {order!r} is not <name>=kill|stop|raise@<hit or probability>, names: {known}"
            )
        _points[match["name"]].arm(match["action"], match["when"])
