"""The memory that Python objects hold."""

import gc
import sys
from enum import Enum
from types import FunctionType, ModuleType


def held_bytes(*roots: object) -> int:
    """Bytes of these objects and of all that they refer to, without code, classes and enums."""
    seen: set[int] = set()
    pending = list(roots)
    total = 0
    while pending:
        each = pending.pop()
        if id(each) in seen or isinstance(each, (type, Enum, ModuleType, FunctionType)):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        pending += gc.get_referents(each)
    return total
