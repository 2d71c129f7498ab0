"""Fail points: named places in the code at which a test makes a process fail.

    _COMMITTED = FailPoint("committed")
    ...
    _COMMITTED.hit()

FAILPOINTS="committed=kill@3,decoded=raise@0.01" kills the process with SIGKILL at the third hit of
`committed`, and raises InjectedFault at each hit of `decoded` with a probability of 1 %. The action
`stop` freezes the process with SIGSTOP until it gets SIGCONT. An unarmed hit costs one comparison.
"""

import random
import re
import signal
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

from classwaves_runtime.errors import InjectedFault, SettingsError

_PATTERN = re.compile(r"(?P<name>[\w-]+)=(?P<action>kill|stop|raise)@(?P<when>\d+|0?\.\d+)")
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_random = random.SystemRandom()
_points: dict[str, "FailPoint"] = {}


class FailPoint:
    """A place that can fail on purpose. Its name is unique in the process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._fault: Callable[[], None] | None = None
        _points[name] = self

    def hit(self) -> None:
        """Fail if the fail point is armed and its condition holds."""
        if self._fault is not None:
            self._fault()

    def arm(self, action: str, when: str) -> None:
        """Arm the fail point.

        Args:
            action: `kill`, `stop` or `raise`.
            when: the number of the hit, or a probability if it has a decimal point.
        """
        fail = partial(signal.raise_signal, _SIGNALS[action]) if action in _SIGNALS else self._raise
        hits = count(1)

        def fault() -> None:
            if _random.random() < float(when) if "." in when else next(hits) == int(when):
                fail()

        self._fault = fault

    def _raise(self) -> None:
        raise InjectedFault(f"FAILPOINTS raised an error at {self.name}.")


def arm(environ: Mapping[str, str]) -> None:
    """Arm the fail points that FAILPOINTS names. Import the modules that define them before.

    Raises:
        SettingsError: an entry is malformed or names no fail point.
    """
    for entry in filter(None, environ.get("FAILPOINTS", "").split(",")):
        match = _PATTERN.fullmatch(entry.strip())
        if match is None or match["name"] not in _points:
            known = ", ".join(sorted(_points)) or "none"
            raise SettingsError(
                f"FAILPOINTS: {entry!r} is not <name>=kill|stop|raise@<hit or probability>, "
                f"names: {known}"
            )
        _points[match["name"]].arm(match["action"], match["when"])
