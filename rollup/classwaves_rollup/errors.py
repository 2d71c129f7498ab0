"""What can go wrong in the rollup.

RollupError
├── Overtaken     another run has taken the hour over
├── HoursFailed   hours could not be computed
└── WorkEnded     the worker's thread has ended without being told to
"""

from classwaves_runtime.errors import ServiceError


class RollupError(ServiceError):
    """The rollup cannot do what it was asked for."""


class Overtaken(RollupError):
    """Another run has taken the hour over, and finishes it."""


class HoursFailed(RollupError):
    """Hours could not be computed; `rollup status` names them."""


class WorkEnded(RollupError):
    """The worker's thread has ended without being told to."""
