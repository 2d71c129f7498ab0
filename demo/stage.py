"""A plan from the first line to the exit code: a broker, a folder, the play, the proof, and nothing left running."""

import secrets
import signal
from dataclasses import replace
from pathlib import Path

from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.topics import describe_topic
from classwaves_warehouse.databricks.settings import DatabricksSettings
from demo.hours import roll_up
from demo.letters import by_reason
from demo.plan import Plan
from demo.play import play
from demo.proof import prove
from demo.report import Report
from demo.school_day import SCHOOLS
from demo.settings import DATABRICKS, empty_folder
from demo.table import CatalogTable, FolderTable, Table
from demo.world import World
from local import kafka as local_kafka


def on_stage(plan: Plan, folder: Path | None, warehouse: str | None, every: float) -> int:
    """The exit code: 0 if all was proven, 1 if not, 130 if it was stopped.

    Args:
        plan: what to play.
        folder: where, empty or missing; None for a temporary one. It stays.
        warehouse: where the tables are; None for the folder.
        every: seconds between two quiet lines.

    Raises:
        ClassWavesError: it could not be carried through.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = Report()
    try:
        proven = _perform(plan, empty_folder(folder), warehouse, report, every)
    except KeyboardInterrupt:
        report.say("Stopped. Nothing is left running.")
        return 130
    report.say(
        "Proven: nothing is missing, nothing is there twice."
        if proven
        else "NOT proven: see above."
    )
    return 0 if proven else 1


def _perform(plan: Plan, folder: Path, warehouse: str | None, report: Report, every: float) -> bool:
    with local_kafka.start() as kafka:
        report.say(kafka.describe())
        if not kafka.real:
            report.say("A mock shows how it works; it does not prove how a real broker behaves.")
        world = World.create(folder, kafka, "demo", warehouse)
        table = _table(world)
        report.say(f"The table: {table}")
        table.require_room()
        if table.shared:
            # The same day again would bring the same ids: repeats of an earlier run's.
            plan = replace(plan, seed=secrets.randbelow(2**31))
        report.show(world.output("ingestor", "topics", "create"))
        report.show(world.output("ingestor", "tables", "migrate"))
        report.say(
            f"A school day in {plan.day_seconds:.0f} s: {SCHOOLS} schools, {plan.teachers} teachers, five lessons each."
        )
        play(world, plan, kafka, report, every)
        return _conclude(world, table, report)


def _table(world: World) -> Table:
    if world.settings.warehouse == DATABRICKS:
        return CatalogTable(DatabricksSettings.from_environment(world.environ))
    return FolderTable(world.table)


def _conclude(world: World, table: Table, report: Report) -> bool:
    """Show a session, prove, say where everything is; whether all is as it must be."""
    settings = world.settings
    topic = describe_topic(connect(settings.kafka), settings.session_events_topic)
    letters = by_reason(settings.kafka, settings.dead_letter_topic)
    proof = prove(world.journals, table.rows(topic.topic_id), letters)
    report.say(f"One session, from the table: analytics timeline {proof.example}")
    report.excerpt(world.output("analytics", "timeline", proof.example))
    report.say("The ledger, from the broker and the table: ingestor verify")
    verified = world.run("ingestor", "verify")
    report.show(verified.stdout + verified.stderr)
    report.proof(proof)
    roll_up(world, report)
    report.say(f"The table stays: {table}")
    report.say(
        f"Look at it:      WAREHOUSE={settings.warehouse} analytics timeline {proof.example}"
    )
    return verified.returncode == 0 and proof.holds
