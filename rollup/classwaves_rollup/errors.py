"""Errors of the rollup, and how an error is summarised in the run log.

RollupError
├── Superseded      another run computes the hour
├── HoursFailed     hours could not be computed
└── WorkerStopped   the worker's thread ended without being asked to
"""

import re
import traceback
from pathlib import Path

from classwaves_runtime.errors import ClassWavesError

_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_MAX_LENGTH = 500


class RollupError(ClassWavesError):
    """The rollup failed."""


class Superseded(RollupError):
    """Another run computes the hour."""


class HoursFailed(RollupError):
    """Hours could not be computed; `rollup status` lists them."""


class WorkerStopped(RollupError):
    """The worker's thread ended without being asked to."""


def error_summary(error: BaseException) -> str:
    """An error as one line of at most 500 characters that holds no payload.

    Quoted text is left out. So is the message of an error that is not ours: an engine that cannot
    read a value quotes the value.
    """
    kind = type(error).__name__
    if not isinstance(error, ClassWavesError):
        frames = traceback.extract_tb(error.__traceback__)
        return f"{kind} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else kind
    message = " ".join(str(error).split())
    cause = error.__cause__
    if cause is not None and not isinstance(cause, ClassWavesError):
        message = f"{message.partition(': ')[0]} ({type(cause).__name__})"
    return f"{kind}: {_QUOTED.sub('…', message)}"[:_MAX_LENGTH]
