"""Running under gevent or eventlet, where a greenlet that blocks stops all others.

Threads, locks and sleeps are theirs there, and wait cooperatively. Only calls that wait in C or
compute for long need care. Neither library is imported here.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def in_use() -> bool:
    """Whether the threads of this process are greenlets."""
    return _gevent() or _eventlet()


def run_long(
    call: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
) -> _Result:
    """Run a long call that uses no lock and no log; other greenlets continue meanwhile."""
    result: _Result
    if _gevent():
        result = import_module("gevent").get_hub().threadpool.apply(call, args, kwargs)
    elif _eventlet():
        result = import_module("eventlet.tpool").execute(call, *args, **kwargs)
    else:
        result = call(*args, **kwargs)
    return result


def _gevent() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and monkey.is_module_patched("threading")


def _eventlet() -> bool:
    patcher = sys.modules.get("eventlet.patcher")
    return patcher is not None and patcher.is_monkey_patched("thread")
