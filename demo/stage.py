"""A plan from the first line to the exit code: a broker, a folder, the play, the proof, and nothing left running."""

import signal
from pathlib import Path

import localkafka
from demo.hours import roll_up
from demo.letters import by_reason
from demo.plan import Plan
from demo.play import play
from demo.proof import prove
from demo.report import Report
from demo.school_day import SCHOOLS
from demo.settings import empty_folder
from demo.world import World


def on_stage(plan: Plan, folder: Path | None, every: float) -> int:
    """The exit code: 0 if all was proven, 1 if not, 130 if it was stopped.

    Arguments:
        plan: what to play.
        folder: where, empty or missing; None for a temporary one. It stays.
        every: seconds between two quiet lines.

    Raises:
        ServiceError: it could not be carried through.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = Report()
    try:
        proven = _perform(plan, empty_folder(folder), report, every)
    except KeyboardInterrupt:
        report.say("Stopped. Nothing is left running.")
        return 130
    report.say("Proven: nothing is missing, nothing is there twice." if proven else "NOT proven: see above.")
    return 0 if proven else 1


def _perform(plan: Plan, folder: Path, report: Report, every: float) -> bool:
    with localkafka.start() as kafka:
        report.say(kafka.describe())
        if not kafka.real:
            report.say("A mock shows how it works; it does not prove how a real broker behaves.")
        world = World.create(folder, kafka, "demo")
        report.show(world.output("ingestor", "topics", "create"))
        report.show(world.output("ingestor", "tables", "migrate"))
        report.say(
            f"A school day in {plan.day_seconds:.0f} s: {SCHOOLS} schools, {plan.teachers} teachers, five lessons each."
        )
        play(world, plan, kafka, report, every)
        return _conclude(world, report)


def _conclude(world: World, report: Report) -> bool:
    """Show a session, prove, say where everything is; whether all is as it must be."""
    settings = world.settings
    proof = prove(world.journals, world.table, by_reason(settings.kafka, settings.dead_letter_topic))
    report.say(f"One session, from the table: analytics timeline {proof.example}")
    report.excerpt(world.output("analytics", "timeline", proof.example))
    report.say("The ledger, from the broker and the table: ingestor verify")
    verified = world.run("ingestor", "verify")
    report.show(verified.stdout + verified.stderr)
    report.proof(proof)
    roll_up(world, report)
    report.say(f"The table stays: {world.table}")
    report.say(f"Look at it:      WAREHOUSE={settings.warehouse} analytics timeline {proof.example}")
    return verified.returncode == 0 and proof.holds
