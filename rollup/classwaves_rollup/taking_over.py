"""Whether an hour that somebody is running may be taken over."""

from classwaves_rollup.run import Run, State
from classwaves_runtime.clock import Clock

PATIENCE_SECONDS = 120.0
"""For how long a worker leaves another's run alone. Taking over a live run only costs work."""


class Patience:
    """For how long each run of others has been seen running, by this process's own clock.

    Args:
        owner: whose runs are ours: asked between two runs, one of ours that still says running has come to no end.
        clock: of this process; no two are ever compared.
    """

    def __init__(self, owner: str, clock: Clock) -> None:
        self._owner = owner
        self._clock = clock
        self._since: dict[str, float] = {}

    def over(self, run: Run) -> bool:
        """Whether an hour may be computed now: nobody runs it, or has run it for too long."""
        if run.state is not State.RUNNING or run.belongs_to(self._owner):
            return True
        now = self._clock.monotonic()
        return now - self._since.setdefault(run.run_id, now) >= PATIENCE_SECONDS
