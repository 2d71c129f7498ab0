"""The run log: the last run of each hour, kept in the table rollup_runs."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from typing import Any, Final, Self

from classwaves_rollup.errors import error_summary
from classwaves_rollup.formulas import HOUR
from classwaves_runtime.clock import Clock
from classwaves_schemas.tables import ROLLUP_RUNS
from classwaves_warehouse.errors import TableMissing
from classwaves_warehouse.interface import RollupStore
from classwaves_warehouse.reading import Snapshot

TAKEOVER_SECONDS: Final = 120.0
"""How long a worker leaves another owner's run alone. Taking over a live run only repeats work."""

NOT_ENDED: Final = "the hour has not ended"
"""Why a computed hour is not done."""

_SELECT = f"SELECT {', '.join(ROLLUP_RUNS.column_names)} FROM {ROLLUP_RUNS.name}"  # noqa: S608
_SELECT_HOUR = f"{_SELECT} WHERE metric_hour = :hour"
_JSON_COLUMNS = ("source_versions", "examined_versions")


class State(StrEnum):
    """The state of an hour. Readers may use the rows of a done hour only."""

    DIRTY = "dirty"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """The state of an hour, with figures of its last run: one row of rollup_runs.

    Args:
        metric_hour: the start of the hour.
        run_id: the token of the last write: new for each run, and each time that the hour is marked
            dirty. A writer names the run_id that it replaces.
        state: of the hour.
        started_at, finished_at: when the run started and finished.
        complete: whether ingestion had passed the end of the hour before the sources were read.
        facts, hourly_rows, events_without_school: counts of the run.
        source_versions: by source, a version that the rows are at least as new as.
        examined_versions: by source, the version up to which all hours were scanned for late data.
            It does not concern this hour: the greatest version in the run log counts.
        code_version: of the code that computed the hour.
        error: why the hour is dirty or failed; None in the other states.
    """

    metric_hour: datetime
    run_id: str
    state: State
    started_at: datetime | None = None
    finished_at: datetime | None = None
    complete: bool = False
    facts: int | None = None
    hourly_rows: int | None = None
    events_without_school: int | None = None
    source_versions: Mapping[str, int] = field(default_factory=dict)
    examined_versions: Mapping[str, int] = field(default_factory=dict)
    code_version: str | None = None
    error: str | None = None

    @classmethod
    def start(
        cls,
        hour: datetime,
        owner: str,
        at: datetime,
        examined_versions: Mapping[str, int],
        code_version: str,
    ) -> Self:
        """A new run of an hour."""
        return cls(
            metric_hour=hour,
            run_id=_new_run_id(owner),
            state=State.RUNNING,
            started_at=at,
            examined_versions=examined_versions,
            code_version=code_version,
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The run in a row of rollup_runs."""
        versions = {name: json.loads(row[name] or "{}") for name in _JSON_COLUMNS}
        state, complete = State(row["state"]), bool(row["complete"])
        return cls(**{**row, **versions, "state": state, "complete": complete})

    def row(self) -> Mapping[str, object]:
        """The run as a row of rollup_runs."""
        versions = {
            name: json.dumps(dict(getattr(self, name)), sort_keys=True) for name in _JSON_COLUMNS
        }
        return {**asdict(self), **versions, "state": self.state.value}

    def failed(self, at: datetime, error: BaseException) -> Self:
        """The run after it failed."""
        return replace(self, state=State.FAILED, finished_at=at, error=error_summary(error))

    def marked_dirty(self, reason: str) -> Self:
        """The hour after its sources changed, with a new run_id."""
        return replace(self, run_id=_new_run_id(new_owner()), state=State.DIRTY, error=reason)

    def taken_back(self) -> Self:
        """The hour after it turned out to be done before its end, with a new run_id."""
        dirty = self.marked_dirty(NOT_ENDED)
        return replace(dirty, started_at=None, finished_at=None, complete=False)

    def belongs_to(self, owner: str) -> bool:
        """Whether this owner started the run."""
        return self.run_id.startswith(owner)

    @property
    def is_final(self) -> bool:
        """Whether the hour is done and complete: only late data can change its rows."""
        return self.state is State.DONE and self.complete

    @property
    def seconds(self) -> float | None:
        """The duration of the run; None while it is unknown."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


def new_owner() -> str:
    """A unique name under which a process or a thread starts runs."""
    return secrets.token_hex(8)


def _new_run_id(owner: str) -> str:
    return f"{owner}-{secrets.token_hex(4)}"


class RunLog(Mapping[datetime, Run]):
    """Hour → its last run, ordered by hour."""

    def __init__(self, runs: Mapping[datetime, Run]) -> None:
        self._runs = dict(sorted(runs.items()))

    def __getitem__(self, hour: datetime) -> Run:
        return self._runs[hour]

    def __iter__(self) -> Iterator[datetime]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def with_run(self, run: Run) -> "RunLog":
        """The run log after this run was written."""
        return RunLog({**self._runs, run.metric_hour: run})

    @property
    def last_complete_hour(self) -> datetime | None:
        """The last hour up to which every hour since the first is final."""
        hours = self._hours_until(max(self._runs, default=None))
        final = list(takewhile(self._is_final, hours))
        return final[-1] if final else None

    def not_final(self, until: datetime) -> list[datetime]:
        """The hours from the first to this one that are not final, oldest first."""
        return [hour for hour in self._hours_until(until) if not self._is_final(hour)]

    def missing(self, until: datetime) -> list[datetime]:
        """The hours from the first to this one that have no run, oldest first.

        A run log without an hour up to this one misses `until` alone.
        """
        if not any(hour <= until for hour in self._runs):
            return [until]
        return [hour for hour in self._hours_until(until) if hour not in self._runs]

    def in_state(self, state: State) -> list[datetime]:
        """The hours in a state, newest first."""
        return [hour for hour, run in reversed(self._runs.items()) if run.state is state]

    def incomplete(self, ingested_through: datetime | None = None) -> list[datetime]:
        """The hours that are done but not complete, newest first.

        Args:
            ingested_through: if given, only hours whose end it has passed.
        """
        found = [hour for hour in self.in_state(State.DONE) if not self._runs[hour].complete]
        if ingested_through is None:
            return found
        return [hour for hour in found if hour + HOUR <= ingested_through]

    def future(self, now: datetime) -> list[datetime]:
        """The hours that have not ended, newest first."""
        return [hour for hour in reversed(self._runs) if not has_ended(hour, now)]

    @property
    def examined_versions(self) -> Mapping[str, int]:
        """By source, the version up to which all hours were scanned for late data."""
        return latest_versions(*(run.examined_versions for run in self._runs.values()))

    def _hours_until(self, until: datetime | None) -> Iterator[datetime]:
        hour = next(iter(self._runs), None)
        while hour is not None and until is not None and hour <= until:
            yield hour
            hour += HOUR

    def _is_final(self, hour: datetime) -> bool:
        return hour in self._runs and self._runs[hour].is_final


def has_ended(hour: datetime, now: datetime) -> bool:
    """Whether the end of an hour is not beyond now."""
    return hour + HOUR <= now


def latest_versions(*versions: Mapping[str, int]) -> Mapping[str, int]:
    """The latest version of each table."""
    found: dict[str, int] = {}
    for each in versions:
        for table, version in each.items():
            found[table] = max(version, found.get(table, version))
    return found


def earliest_versions(*versions: Mapping[str, int]) -> Mapping[str, int]:
    """The earliest version of each table that all mappings have."""
    shared = set.intersection(*(set(each) for each in versions))
    return {table: min(each[table] for each in versions) for table in shared}


def read_run_log(store: RollupStore) -> RunLog:
    """The run log as it is now.

    Raises:
        TableMissing: rollup_runs does not exist.
        WarehouseUnavailable: it could not be read.
    """
    with store.snapshot([ROLLUP_RUNS]) as snapshot:
        return run_log_in(snapshot)


def run_log_in(snapshot: Snapshot) -> RunLog:
    """The run log in a snapshot of rollup_runs.

    Raises:
        TableMissing: rollup_runs did not exist.
        WarehouseUnavailable: it could not be read.
    """
    if ROLLUP_RUNS.qualified_name not in snapshot.versions:
        raise TableMissing(
            f"{ROLLUP_RUNS.qualified_name} does not exist. Run `ingestor tables migrate`."
        )
    rows = snapshot.query(_SELECT, {}).to_pylist()
    return RunLog({row["metric_hour"]: Run.from_row(row) for row in rows})


def read_run(snapshot: Snapshot, hour: datetime) -> Run | None:
    """The last run of an hour in a snapshot; None if the hour has none.

    Args:
        snapshot: of rollup_runs, and possibly of other tables.
        hour: its start.

    Raises:
        WarehouseUnavailable: it could not be read.
    """
    rows = snapshot.query(_SELECT_HOUR, {"hour": hour}).to_pylist()
    return Run.from_row(rows[0]) if rows else None


class TakeoverTimeout:
    """Decides whether an hour that another owner's run computes may be taken over.

    It measures how long this process has seen each run running, by its own monotonic clock: no
    two clocks are compared.

    Args:
        owner: of our own runs. Between two runs, one of ours that is still running has died.
        clock: of this process.
    """

    def __init__(self, owner: str, clock: Clock) -> None:
        self._owner = owner
        self._clock = clock
        self._first_seen: dict[str, float] = {}

    def has_passed(self, run: Run) -> bool:
        """Whether the hour may be computed now."""
        if run.state is not State.RUNNING or run.belongs_to(self._owner):
            return True
        now = self._clock.monotonic()
        return now - self._first_seen.setdefault(run.run_id, now) >= TAKEOVER_SECONDS
