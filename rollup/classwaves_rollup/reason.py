"""Why something failed, in words that hold nothing of a payload."""

import re
import traceback
from pathlib import Path

from classwaves_runtime.errors import ServiceError

_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_LONGEST = 500


def reason(error: BaseException) -> str:
    """An error as one line.

    What it quotes is left out, and so is what a library said: an engine that cannot read a value tells the value.
    """
    kind = type(error).__name__
    if not isinstance(error, ServiceError):
        frames = traceback.extract_tb(error.__traceback__)
        return f"{kind} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else kind
    words = " ".join(str(error).split())
    cause = error.__cause__
    if cause is not None and not isinstance(cause, ServiceError):
        words = f"{words.partition(': ')[0]} ({type(cause).__name__})"
    return f"{kind}: {_QUOTED.sub('…', words)}"[:_LONGEST]
