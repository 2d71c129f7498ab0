"""A demo run from broker start to exit code."""

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.topics import describe_topic
from classwaves_rollup.formulas import HOUR
from classwaves_rollup.hours import hour_of
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.interface import RollupStore
from classwaves_warehouse.open import open_warehouse
from demo.display import Report
from demo.environment import Environment
from demo.freshness import CatalogRows, FolderRows, NewRows
from demo.processes import Network
from demo.proof import CatalogTable, FolderTable, Table, count_dead_letters, prove
from demo.runner import run_plan
from demo.school_day import SCHOOLS
from demo.settings import DATABRICKS, Plan, empty_folder
from local import kafka as local_kafka
from local.kafka import Kafka
from local.kafka.broker import start as start_broker
from local.kafka.free_port import free_port
from local.kafka.proxy import TcpProxy

_TOTALS = f"""
SELECT
    CAST(COUNT(*) AS BIGINT) AS schools,
    CAST(SUM(sessions_active) AS BIGINT) AS sessions,
    CAST(SUM(sessions_completed) AS BIGINT) AS completed,
    CAST(SUM(teachers_active) AS BIGINT) AS teachers,
    CAST(SUM(students_active) AS BIGINT) AS students,
    CAST(SUM(total_prompts_used) AS BIGINT) AS prompts
FROM {DASHBOARD_METRICS_HOURLY.name}
WHERE metric_hour = :hour
"""


def roll_up(environment: Environment, report: Report) -> None:
    """Compute each hour since the environment was created, and print its totals.

    Raises:
        CommandFailed: an hour could not be computed.
    """
    hours = open_warehouse(environment.settings.warehouse).rollup()
    hour, now = hour_of(environment.begun_at), datetime.now(UTC)
    while hour <= now:
        name = f"{hour:%Y-%m-%dT%H}"
        report.announce(f"Rollup of the hour: rollup once --hour {name}")
        report.show(environment.output("rollup", "once", "--hour", name))
        report.show(_totals(hours, hour))
        hour += HOUR


def _totals(hours: RollupStore, hour: datetime) -> str:
    with hours.snapshot([DASHBOARD_METRICS_HOURLY]) as snapshot:
        (row,) = snapshot.query(_TOTALS, {"hour": hour}).to_pylist()
    return "   ".join(
        f"{name} {'unknown' if count is None else f'{count:,}'}" for name, count in row.items()
    )


def run_demo(plan: Plan, folder: Path | None, warehouse: str | None, every: float) -> int:
    """Run a plan and return the exit code: 0 proven, 1 not proven, 130 interrupted.

    Args:
        plan: the plan of the run.
        folder: where, empty or missing; None for a temporary one. It stays.
        warehouse: where the tables are; None for the folder.
        every: seconds between two readings.

    Raises:
        ClassWavesError: the run failed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = Report()
    try:
        proven = _run(plan, empty_folder(folder), warehouse, report, every)
    except KeyboardInterrupt:
        report.announce("Stopped. No process is left running.")
        return 130
    report.announce(
        "Proven: no event is missing, no event is stored twice."
        if proven
        else "NOT proven: see above."
    )
    return 0 if proven else 1


def _run(plan: Plan, folder: Path, warehouse: str | None, report: Report, every: float) -> bool:
    with _start_kafka(plan) as (kafka, network):
        report.announce(kafka.describe())
        if not kafka.real:
            report.announce(
                "A mock shows how the demo works; it proves nothing about a real broker."
            )
        environment = Environment.create(folder, kafka, "demo", warehouse)
        table = _table(environment)
        report.announce(f"The table: {table}")
        table.require_empty()
        if table.shared:
            # The same seed would repeat the ids of an earlier run.
            plan = replace(plan, seed=secrets.randbelow(2**31))
        report.show(environment.output("ingestor", "topics", "create"))
        report.show(environment.output("ingestor", "tables", "migrate"))
        report.announce(
            f"A school day in {plan.day_seconds:.0f} s: {SCHOOLS} schools, "
            f"{plan.teachers} teachers, five lessons each."
        )
        run_plan(
            environment,
            plan,
            kafka,
            report,
            new_rows=_new_rows(environment),
            network=network,
            every=every,
        )
        return _check_results(environment, table, report)


@contextmanager
def _start_kafka(plan: Plan) -> Iterator[tuple[Kafka, Network | None]]:
    if not plan.cuts_the_network:
        with local_kafka.start() as kafka:
            yield kafka, None
        return
    port = free_port()
    with TcpProxy(port) as proxy, start_broker(port, proxy.port) as kafka:
        yield kafka, Network(proxy)


def _table(environment: Environment) -> Table:
    if environment.settings.warehouse == DATABRICKS:
        return CatalogTable(DatabricksSettings.from_environment(environment.environ))
    return FolderTable(environment.table)


def _new_rows(environment: Environment) -> NewRows:
    settings = environment.settings
    if settings.warehouse != DATABRICKS:
        return FolderRows(environment.table)
    topic = describe_topic(connect(settings.kafka), settings.session_events_topic)
    return CatalogRows(DatabricksSettings.from_environment(environment.environ), topic.topic_id)


def _check_results(environment: Environment, table: Table, report: Report) -> bool:
    """Show a session, check the results, name the tables; return whether all checks passed."""
    settings = environment.settings
    topic = describe_topic(connect(settings.kafka), settings.session_events_topic)
    dead_letters = count_dead_letters(settings.kafka, settings.dead_letter_topic)
    proof = prove(environment.journals, table.rows(topic.topic_id), dead_letters)
    report.announce(f"One session, from the table: analytics timeline {proof.example}")
    report.excerpt(environment.output("analytics", "timeline", proof.example))
    report.announce("The ledger, from the broker and the table: ingestor verify")
    verified = environment.run("ingestor", "verify")
    report.show(verified.stdout + verified.stderr)
    report.proof(proof)
    roll_up(environment, report)
    report.announce(f"The table stays: {table}")
    report.announce(
        f"Look at it:      WAREHOUSE={settings.warehouse} analytics timeline {proof.example}"
    )
    return verified.returncode == 0 and proof.holds
