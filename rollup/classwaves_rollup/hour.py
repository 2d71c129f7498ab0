"""One hour: computed from its sources and put in the place of what was there before.

    ledger: running → facts → hourly rows → ledger: done

A process that dies between two of these leaves an hour that is not `done`: nobody reads its rows, and the next run
makes them anew. Two runs of one hour do no harm: rows are a pure function of the sources, each replacement fails if the
hour was written after its snapshot (whose first table is the one that is written, so that what it reads is never older
than what it replaces; whose last is the ledger, so that who was overtaken before it replaces nothing), and only the run
that the ledger names can end it (docs/decisions/0010).
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from classwaves_rollup.errors import Overtaken
from classwaves_rollup.formulas import (
    HOUR,
    facts_statement,
    hourly_parameters,
    hourly_statement,
    window,
    without_school_statement,
)
from classwaves_rollup.ingestion import Ingestion
from classwaves_rollup.rates import Rates
from classwaves_rollup.release import code_version
from classwaves_rollup.run import Run, State, new_owner
from classwaves_rollup.runs import read_run
from classwaves_rollup.settings import RollupSettings
from classwaves_runtime.clock import Clock
from classwaves_runtime.failpoints import FailPoint
from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    ROLLUP_FACTS_HOURLY,
    ROLLUP_RUNS,
    SOURCES,
    Table,
)
from classwaves_warehouse.errors import ConcurrentWrite, ReplacedTooLate
from classwaves_warehouse.hours import Hours, Parameters, Snapshot
from classwaves_warehouse.interface import Warehouse

_BEGUN = FailPoint("hour-begun")
_READ = FailPoint("hour-read")
_FACTS = FailPoint("hour-facts")
_ROWS = FailPoint("hour-rows")
_DONE = FailPoint("hour-done")

_ATTEMPTS = 6
_PAUSE = wait_random_exponential(multiplier=0.05, max=2)


@dataclass(frozen=True, slots=True)
class HourRun:
    """How hours are computed.

    Args:
        hours: of the warehouse; for one thread, and so is this.
        ingestion: whose progress makes an hour complete.
        rates: what is estimated.
        clock: for the ledger's times; no row depends on it.
        owner: under which runs are begun.
    """

    hours: Hours
    ingestion: Ingestion
    rates: Rates
    clock: Clock
    owner: str = field(default_factory=new_owner)

    @classmethod
    def opened(cls, settings: RollupSettings, warehouse: Warehouse, clock: Clock) -> Self:
        """As the settings say, on a warehouse, for the thread that asks."""
        return cls(
            hours=warehouse.hours(),
            ingestion=Ingestion(settings.ingestor_group, settings.session_events_topic),
            rates=Rates(settings.rollup_storage_gb_per_minute, settings.rollup_cost_per_minute),
            clock=clock,
        )

    def compute(self, hour: datetime, known: Run | None, examined: Mapping[str, int]) -> Run:
        """Compute an hour and replace it; the ledger's row of it afterwards, done or failed.

        Args:
            hour: its start.
            known: its row as it was read last, which this run takes over; None if there was none.
            examined: the look's position, to be kept with the row.

        Raises:
            Overtaken: another run has the hour now, or `known` is not its row any more. Nothing is lost.
            WarehouseUnavailable: the ledger could not be written. The hour stays not done until another run.
        """
        run = Run.begun(hour, self.owner, self.clock.now(), examined, code_version(self.rates))
        self._record(run, None if known is None else known.run_id)
        _BEGUN.hit()
        try:
            found = self._replaced(run)
        except Overtaken:
            raise
        except (
            Exception
        ) as error:  # whatever it is, the ledger must tell of it, and other hours go on
            found = run.failed(self.clock.now(), error)
        except (
            BaseException
        ) as error:  # a library's panic: nothing goes on, but the ledger should tell of it
            with suppress(Exception):
                self._record(run.failed(self.clock.now(), error), run.run_id)
            raise
        self._record(found, run.run_id)
        _DONE.hit()
        return found

    def _replaced(self, run: Run) -> Run:
        return _redoing()(self._replaced_once, run)

    def _replaced_once(self, run: Run) -> Run:
        hour = run.metric_hour
        passed = self.ingestion.passed(
            self.hours
        )  # before the sources are read, which then hold at least that much
        with self.hours.snapshot([ROLLUP_FACTS_HOURLY, *SOURCES, ROLLUP_RUNS]) as sources:
            _READ.hit()
            present = sources.versions
            facts = self._replace(
                ROLLUP_FACTS_HOURLY, run, facts_statement(present), window(hour), sources
            )
            without_school = (
                sources.query(without_school_statement(present), window(hour)).column(0)[0].as_py()
            )
            names = [source.qualified_name for source in SOURCES]
        _FACTS.hit()
        with self.hours.snapshot(
            [DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS]
        ) as kept:
            values = hourly_parameters(hour, self.rates)
            rows = self._replace(DASHBOARD_METRICS_HOURLY, run, hourly_statement(), values, kept)
        _ROWS.hit()
        return replace(
            run,
            state=State.DONE,
            finished_at=self.clock.now(),
            complete=passed is not None and passed >= hour + HOUR,
            facts=facts,
            hourly_rows=rows,
            events_without_school=without_school,
            source_versions={name: version for name, version in present.items() if name in names},
        )

    def _replace(self, table: Table, run: Run, sql: str, values: Parameters, read: Snapshot) -> int:
        """Replace what a table has of the run's hour, if the run still had the hour when the snapshot was taken.

        Who takes it over later reads later: they replace what is written here, or this is the one that conflicts.
        """
        held = read_run(read, run.metric_hour)
        if held is None or held.run_id != run.run_id:
            raise _taken(run.metric_hour)
        try:
            return self.hours.replace(table, run.metric_hour, sql, values, read)
        except ReplacedTooLate:
            _redoing()(self._revoke, run)
            raise

    def _revoke(self, run: Run) -> None:
        """See that nobody believes the hour if another run has it: the rows of that one may be gone."""
        with self.hours.snapshot([ROLLUP_RUNS]) as ledger:
            held = read_run(ledger, run.metric_hour)
        if (
            held is not None
            and held.run_id != run.run_id
            and held.state in (State.RUNNING, State.DONE)
        ):
            self.hours.upsert_run(
                held.dirtied("an overtaken run has written it").row(), held.run_id
            )

    def _record(self, run: Run, expected: str | None) -> None:
        try:
            self.hours.upsert_run(run.row(), expected)
        except ConcurrentWrite as error:
            raise _taken(run.metric_hour) from error


def _redoing() -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(ConcurrentWrite),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=_PAUSE,
        reraise=True,
    )


def _taken(hour: datetime) -> Overtaken:
    return Overtaken(f"Another run has taken the hour {hour:%Y-%m-%dT%H} over.")
