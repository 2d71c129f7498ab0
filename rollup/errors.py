"""What can go wrong in the rollup.

RollupError
├── Overtaken     another run has taken the hour over
└── HoursFailed   hours could not be computed
"""

from service.errors import ServiceError


class RollupError(ServiceError):
    """The rollup cannot do what it was asked for."""


class Overtaken(RollupError):
    """Another run has taken the hour over, and finishes it."""


class HoursFailed(RollupError):
    """Hours could not be computed; `rollup status` names them."""
