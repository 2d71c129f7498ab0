"""Computes one hour from its sources and replaces its rows.

    run log: running → facts → hourly rows → run log: done

A process that dies between two steps leaves an hour that is not `done`: readers ignore its rows,
and the next run replaces them. Two runs of one hour do no harm (docs/decisions/0010):

- An hour's rows are a pure function of the sources, the hour and the code version.
- A replacement fails if the hour was written after the replacement's snapshot. The snapshot opens
  the table to be written before the tables it is computed from, so these are at least as new as the
  rows that it replaces; it opens the run log last, so a superseded run replaces nothing.
- Only the run that the run log names can finish the hour. A superseded run writes nothing further.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

from classwaves_rollup.errors import Superseded
from classwaves_rollup.formulas import (
    FORMULAS,
    HOUR,
    Formulas,
    Rates,
    code_version,
    hourly_parameters,
    window,
)
from classwaves_rollup.run_log import (
    NOT_ENDED,
    Run,
    RunLog,
    State,
    has_ended,
    new_owner,
    read_run,
    read_run_log,
)
from classwaves_rollup.settings import RollupSettings
from classwaves_runtime.clock import Clock
from classwaves_runtime.failpoints import FailPoint
from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    ROLLUP_FACTS_HOURLY,
    ROLLUP_RUNS,
    SOURCES,
    Table,
)
from classwaves_warehouse.errors import ConcurrentWrite, ReplacedTooLate
from classwaves_warehouse.interface import RollupStore, Warehouse
from classwaves_warehouse.reading import Parameters, Snapshot

_BEGUN = FailPoint("hour-begun")
_READ = FailPoint("hour-read")
_FACTS = FailPoint("hour-facts")
_ROWS = FailPoint("hour-rows")
_DONE = FailPoint("hour-done")

_CONFLICT_RETRY: Final = RetryPolicy(attempts=6, first=0.05, longest=2)
_TAKEOVER_RETRY: Final = RetryPolicy(attempts=8, first=0.2, longest=5)


@dataclass(frozen=True, slots=True)
class Ingestion:
    """The ingestor whose progress makes an hour complete.

    Args:
        group: its consumer group.
        topic: the name of its topic.
    """

    group: str
    topic: str

    def ingested_through(self, store: RollupStore) -> datetime | None:
        """The broker time through which every partition is ingested; None if one is unknown.

        Raises:
            WarehouseUnavailable: it could not be read.
        """
        partitions = store.ingested_through(self.group, self.topic).values()
        times = [time for time in partitions if time is not None]
        return min(times) if times and len(times) == len(partitions) else None


@dataclass(frozen=True, slots=True)
class HourComputer:
    """Computes hours. It belongs to one thread, as its store does.

    Args:
        store: of the warehouse.
        ingestion: whose progress makes an hour complete.
        rates: of the estimates.
        clock: for the times in the run log, and whether an hour has ended; no row depends on it.
        owner: of the runs.
        formulas: the statements that compute an hour.
        retry: of writes that conflict with another writer.
    """

    store: RollupStore
    ingestion: Ingestion
    rates: Rates
    clock: Clock
    owner: str = field(default_factory=new_owner)
    formulas: Formulas = FORMULAS
    retry: RetryPolicy = _CONFLICT_RETRY

    @classmethod
    def from_settings(cls, settings: RollupSettings, warehouse: Warehouse, clock: Clock) -> Self:
        """A computer for the thread that calls this."""
        return cls(
            store=warehouse.rollup(),
            ingestion=Ingestion(settings.ingestor_group, settings.session_events_topic),
            rates=Rates(settings.rollup_storage_gb_per_minute, settings.rollup_cost_per_minute),
            clock=clock,
        )

    @property
    def code_version(self) -> str:
        """The version of the code that computes hours, with its rates."""
        return code_version(self.rates, self.formulas)

    def compute(
        self, hour: datetime, previous: Run | None, examined_versions: Mapping[str, int]
    ) -> Run:
        """Compute an hour and replace its rows.

        Args:
            hour: its start.
            previous: the hour's run as read last, which this run replaces; None if it had none.
            examined_versions: of the last scan for late data, to be kept with the run.

        Returns:
            The run, done or failed, as the run log has it. The run of an hour that had not ended
            before its sources were read is dirty: its rows are those of a part of the hour.

        Raises:
            Superseded: another run computes the hour, or `previous` is out of date.
            WarehouseUnavailable: the run log could not be written. The hour is not done.
        """
        run = Run.start(hour, self.owner, self.clock.now(), examined_versions, self.code_version)
        self._write(run, None if previous is None else previous.run_id)
        _BEGUN.hit()
        try:
            finished = self._replace_rows(run)
        except Superseded:
            raise
        except Exception as error:  # any failure belongs in the run log; other hours go on
            finished = run.failed(self.clock.now(), error)
        except BaseException as error:  # a library's panic: record it if possible, then end
            with suppress(Exception):
                self._write(run.failed(self.clock.now(), error), run.run_id)
            raise
        self._write(finished, run.run_id)
        _DONE.hit()
        return finished

    def _replace_rows(self, run: Run) -> Run:
        return self.retry.run(lambda _: self._replace_rows_once(run), retry_on=ConcurrentWrite)

    def _replace_rows_once(self, run: Run) -> Run:
        hour = run.metric_hour
        ended = has_ended(hour, self.clock.now())
        # Asked before the sources are read, so that they contain at least what was ingested then.
        through = self.ingestion.ingested_through(self.store)
        with self.store.snapshot([ROLLUP_FACTS_HOURLY, *SOURCES, ROLLUP_RUNS]) as sources:
            _READ.hit()
            versions = sources.versions
            facts = self._replace(
                ROLLUP_FACTS_HOURLY, run, self.formulas.facts(versions), window(hour), sources
            )
            counted = sources.query(self.formulas.without_school(versions), window(hour))
        _FACTS.hit()
        tables = [DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS]
        with self.store.snapshot(tables) as snapshot:
            parameters = hourly_parameters(hour, self.rates)
            rows = self._replace(
                DASHBOARD_METRICS_HOURLY, run, self.formulas.hourly(), parameters, snapshot
            )
        _ROWS.hit()
        names = {source.qualified_name for source in SOURCES}
        return replace(
            run,
            state=State.DONE if ended else State.DIRTY,
            finished_at=self.clock.now(),
            complete=ended and through is not None and through >= hour + HOUR,
            error=None if ended else NOT_ENDED,
            facts=facts,
            hourly_rows=rows,
            events_without_school=counted.column(0)[0].as_py(),
            source_versions={name: version for name, version in versions.items() if name in names},
        )

    def _replace(
        self, table: Table, run: Run, sql: str, parameters: Parameters, snapshot: Snapshot
    ) -> int:
        """Replace the hour's rows in a table if the snapshot's run log still names the run.

        A run that takes the hour over later takes a later snapshot: either it replaces these rows,
        or this replacement conflicts.
        """
        current = read_run(snapshot, run.metric_hour)
        if current is None or current.run_id != run.run_id:
            raise _superseded(run.metric_hour)
        try:
            return self.store.replace(table, run.metric_hour, sql, parameters, snapshot)
        except ReplacedTooLate:
            # Only a SQL warehouse finds a conflict after its commit.
            self.retry.run(lambda _: self._invalidate(run), retry_on=ConcurrentWrite)
            raise

    def _invalidate(self, run: Run) -> None:
        """Mark the hour dirty if another run computes it: its rows may have been overwritten."""
        with self.store.snapshot([ROLLUP_RUNS]) as snapshot:
            current = read_run(snapshot, run.metric_hour)
        if (
            current is not None
            and current.run_id != run.run_id
            and current.state in (State.RUNNING, State.DONE)
        ):
            dirty = current.marked_dirty("a superseded run wrote the hour")
            self.store.upsert_run(dirty.row(), current.run_id)

    def _write(self, run: Run, replaced_run_id: str | None) -> None:
        try:
            self.store.upsert_run(run.row(), replaced_run_id)
        except ConcurrentWrite as error:
            raise _superseded(run.metric_hour) from error


def _superseded(hour: datetime) -> Superseded:
    return Superseded(f"Another run computes the hour {hour:%Y-%m-%dT%H}.")


def compute_until_done(
    computer: HourComputer,
    hour: datetime,
    run_log: RunLog,
    examined_versions: Mapping[str, int],
    *,
    accept: Callable[[Run], bool],
    retry: RetryPolicy = _TAKEOVER_RETRY,
) -> Run:
    """Compute an hour; try again while another run takes it over without an acceptable result.

    Args:
        computer: of the calling thread.
        hour: its start.
        run_log: as read last.
        examined_versions: of the last scan for late data, to be kept with the run.
        accept: whether the result of another run is acceptable.
        retry: of attempts that another run supersedes.

    Raises:
        Superseded: other runs took the hour over in every attempt.
        WarehouseUnavailable: the run log could not be read or written.
    """
    current = run_log

    def attempt(_number: int) -> Run:
        nonlocal current
        try:
            return computer.compute(hour, current.get(hour), examined_versions)
        except Superseded:
            current = read_run_log(computer.store)
            other = current.get(hour)
            if other is not None and accept(other):
                return other
            raise

    return retry.run(attempt, retry_on=Superseded)
