"""How the rollup stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from classwaves_rollup.ingestion import Ingestion
from classwaves_rollup.lateness import lag_seconds, late_hours
from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import Runs, read_runs
from classwaves_rollup.schedule import newest_due
from classwaves_rollup.settings import RollupSettings
from classwaves_warehouse.hours import Hours


@dataclass(frozen=True, slots=True)
class Status:
    """How the rollup stands.

    Args:
        runs: the ledger.
        stored_until: the broker's time up to which every partition is stored, or None if that of one is unknown.
        now: when this was asked.
    """

    runs: Runs
    stored_until: datetime | None
    now: datetime

    @property
    def complete_through(self) -> datetime | None:
        """The start of the last hour up to which all are complete."""
        return self.runs.complete_through

    @property
    def lag_seconds(self) -> float:
        """Seconds since its end."""
        return lag_seconds(self.runs, self.now)

    @property
    def troubles(self) -> Mapping[str, Sequence[datetime]]:
        """By what is wrong with them, hours, oldest first."""
        return {
            "late": late_hours(self.runs, self.now),
            "holes": self.runs.holes(newest_due(self.now)),
            **{
                state.value: self.runs.in_state(state)[::-1]
                for state in (State.FAILED, State.DIRTY, State.RUNNING)
            },
        }

    def newest(self, count: int) -> Sequence[Run]:
        """The runs of the newest hours, newest first."""
        return list(islice((self.runs[hour] for hour in reversed(list(self.runs))), count))


def status(settings: RollupSettings, hours: Hours, now: datetime) -> Status:
    """Look at the ledger now.

    Raises:
        TableMissing: it was never set up.
        WarehouseUnavailable: it could not be read.
    """
    passed = Ingestion(settings.ingestor_group, settings.session_events_topic).passed(hours)
    return Status(read_runs(hours), passed, now)
