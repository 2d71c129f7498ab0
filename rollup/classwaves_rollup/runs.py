"""The run ledger: what became of each hour, and what there is to do."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import takewhile

from classwaves_rollup.formulas import HOUR
from classwaves_rollup.run import Run, State
from classwaves_schemas.tables import ROLLUP_RUNS
from classwaves_warehouse.errors import TableMissing
from classwaves_warehouse.hours import Hours, Snapshot

_ALL = f"SELECT {', '.join(ROLLUP_RUNS.column_names)} FROM {ROLLUP_RUNS.name}"  # noqa: S608
_ONE = f"{_ALL} WHERE metric_hour = :hour"


def read_runs(hours: Hours) -> "Runs":
    """The ledger as it is now.

    Raises:
        TableMissing: it was never set up.
        WarehouseUnavailable: it could not be read.
    """
    with hours.snapshot([ROLLUP_RUNS]) as snapshot:
        if ROLLUP_RUNS.qualified_name not in snapshot.versions:
            raise TableMissing(
                f"{ROLLUP_RUNS.qualified_name} does not exist. Run `ingestor tables migrate`."
            )
        rows = snapshot.query(_ALL, {}).to_pylist()
    return Runs({row["metric_hour"]: Run.from_row(row) for row in rows})


def read_run(ledger: Snapshot, hour: datetime) -> Run | None:
    """An hour's row as a snapshot has it; None if there is none.

    Args:
        ledger: of rollup_runs, whatever else it has.
        hour: its start.

    Raises:
        WarehouseUnavailable: it could not be read.
    """
    rows = ledger.query(_ONE, {"hour": hour}).to_pylist()
    return Run.from_row(rows[0]) if rows else None


class Runs(Mapping[datetime, Run]):
    """Hour → its last run, in the order of the hours."""

    def __init__(self, runs: Mapping[datetime, Run]) -> None:
        self._runs = dict(sorted(runs.items()))

    def __getitem__(self, hour: datetime) -> Run:
        return self._runs[hour]

    def __iter__(self) -> Iterator[datetime]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def with_(self, run: Run) -> "Runs":
        """The ledger after this run has written its row."""
        return Runs({**self._runs, run.metric_hour: run})

    @property
    def complete_through(self) -> datetime | None:
        """The start of the last hour up to which every one since the first is done and complete; None without one."""
        settled = list(
            takewhile(self._settled, self._since_the_first(max(self._runs, default=None)))
        )
        return settled[-1] if settled else None

    def holes(self, until: datetime) -> list[datetime]:
        """The hours from the ledger's first to this one that are not done and complete, oldest first."""
        return [hour for hour in self._since_the_first(until) if not self._settled(hour)]

    def missing(self, until: datetime) -> list[datetime]:
        """The hours from the ledger's first to this one that have no row, oldest first; of an empty ledger this one."""
        return (
            [hour for hour in self._since_the_first(until) if hour not in self._runs]
            if self._runs
            else [until]
        )

    def in_state(self, state: State) -> list[datetime]:
        """The hours in a state, newest first."""
        return [hour for hour, run in reversed(self._runs.items()) if run.state is state]

    def incomplete(self, passed: datetime | None = None) -> list[datetime]:
        """The hours that are done and that ingestion had not passed, newest first; with `passed`: and has now."""
        found = [hour for hour in self.in_state(State.DONE) if not self._runs[hour].complete]
        return found if passed is None else [hour for hour in found if hour + HOUR <= passed]

    @property
    def examined(self) -> Mapping[str, int]:
        """By source, the version up to which late changes have been looked for and marked."""
        return latest(*(run.examined_versions for run in self._runs.values()))

    def _since_the_first(self, until: datetime | None) -> Iterator[datetime]:
        hour = next(iter(self._runs), None)
        while hour is not None and until is not None and hour <= until:
            yield hour
            hour += HOUR

    def _settled(self, hour: datetime) -> bool:
        return hour in self._runs and self._runs[hour].settled


def latest(*versions: Mapping[str, int]) -> Mapping[str, int]:
    """Of each table the latest of these versions."""
    found: dict[str, int] = {}
    for each in versions:
        for table, version in each.items():
            found[table] = max(version, found.get(table, version))
    return found


def earliest(*versions: Mapping[str, int]) -> Mapping[str, int]:
    """Of each table the earliest of these versions; a table that one of them does not have is left out."""
    shared = set.intersection(*(set(each) for each in versions))
    return {table: min(each[table] for each in versions) for table in shared}
