"""`make demo`: a school day from producers through a broker into a table, and the proof that nothing got lost."""

import os
import signal
import sys
from datetime import UTC, datetime

import localkafka
from demo.incident import half_way
from demo.letters import by_reason
from demo.plan import Plan
from demo.play import play
from demo.proof import prove
from demo.report import Report
from demo.school_day import last_school_day
from demo.settings import DemoSettings, empty_folder
from demo.world import World
from service.errors import ServiceError

_SEED = 7
_EVERY_SECONDS = 1.0


def run(settings: DemoSettings, report: Report) -> bool:
    """The whole demo; whether everything that it claims was proven."""
    folder = empty_folder(settings.demo_folder)
    seconds = settings.demo_seconds
    on = last_school_day(datetime.now(UTC).date())
    plan = Plan(seed=_SEED, on=on, day_seconds=seconds, days=1, incidents=half_way(seconds))
    with localkafka.start() as kafka:
        report.say(kafka.describe())
        world = World.create(folder, kafka)
        set_up(world, report)
        report.say(f"{on:%A, %d %B %Y}, told in {seconds:.0f} s: {plan.teachers} teachers at several schools.")
        play(world, plan, report, _EVERY_SECONDS)
        return conclude(world, report)


def set_up(world: World, report: Report) -> None:
    """Make topics and tables."""
    report.show(world.output("ingestor", "topics", "create"))
    report.show(world.output("ingestor", "tables", "migrate"))


def conclude(world: World, report: Report) -> bool:
    """Show a session, prove, say where everything is; whether all is as it must be."""
    settings = world.settings
    proof = prove(world.journals, world.table, by_reason(settings.kafka, settings.dead_letter_topic))
    report.say(f"One session, from the table: analytics timeline {proof.example}")
    report.show(world.output("analytics", "timeline", proof.example))
    report.say("The ledger, from the broker and the table: ingestor verify")
    verified = world.run("ingestor", "verify")
    report.show(verified.stdout + verified.stderr)
    report.proof(proof)
    report.say(f"The table stays: {world.table}")
    report.say(f"Look at it:       WAREHOUSE={settings.warehouse} analytics timeline {proof.example}")
    return verified.returncode == 0 and proof.holds


def main() -> int:
    """The exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = Report()
    try:
        proven = run(DemoSettings.from_environment(os.environ), report)
    except KeyboardInterrupt:
        report.say("Stopped. Nothing is left running.")
        return 130
    except ServiceError as error:
        report.say(f"{type(error).__name__}: {error}")
        return 1
    report.say("Proven: nothing is missing, nothing is there twice." if proven else "NOT proven: see above.")
    return 0 if proven else 1


if __name__ == "__main__":
    sys.exit(main())
