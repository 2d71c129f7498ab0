"""The status of the rollup: what `rollup status` shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from classwaves_rollup.hour_computer import Ingestion
from classwaves_rollup.run_log import Run, RunLog, State, read_run_log
from classwaves_rollup.schedule import lag_seconds, newest_due, overdue_hours
from classwaves_rollup.settings import RollupSettings
from classwaves_warehouse.interface import RollupStore


@dataclass(frozen=True, slots=True)
class Status:
    """The status of the rollup at one time.

    Args:
        run_log: as it was read.
        ingested_through: the broker time through which every partition is ingested, or None if
            that of one partition is unknown.
        now: the time of the status.
    """

    run_log: RunLog
    ingested_through: datetime | None
    now: datetime

    @property
    def last_complete_hour(self) -> datetime | None:
        """The last hour up to which all hours are complete."""
        return self.run_log.last_complete_hour

    @property
    def lag_seconds(self) -> float:
        """Seconds since the end of `last_complete_hour`."""
        return lag_seconds(self.run_log, self.now)

    @property
    def problems(self) -> Mapping[str, Sequence[datetime]]:
        """Kind of problem → its hours, oldest first."""
        return {
            "late": overdue_hours(self.run_log, self.now),
            "holes": self.run_log.not_final(newest_due(self.now)),
            **{
                state.value: self.run_log.in_state(state)[::-1]
                for state in (State.FAILED, State.DIRTY, State.RUNNING)
            },
        }

    def newest(self, count: int) -> Sequence[Run]:
        """The runs of the newest hours, newest first."""
        return list(islice((self.run_log[hour] for hour in reversed(list(self.run_log))), count))


def read_status(settings: RollupSettings, store: RollupStore, now: datetime) -> Status:
    """The status now.

    Raises:
        TableMissing: rollup_runs does not exist.
        WarehouseUnavailable: the warehouse could not be read.
    """
    ingestion = Ingestion(settings.ingestor_group, settings.session_events_topic)
    return Status(read_run_log(store), ingestion.ingested_through(store), now)
