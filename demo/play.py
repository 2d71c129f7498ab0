"""A plan carried out: producers send, consumers store, some die, and in the end all is stored."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from demo.audience import audience
from demo.broker import Broker
from demo.cast import Cast, consumers, plain_producers, publishers, write_targets
from demo.chaos import Chaos
from demo.day import Day
from demo.errors import NotDrained, ProcessDied
from demo.gauge import Gauge
from demo.monitor import Monitor
from demo.plan import Plan
from demo.pod import Pod
from demo.report import Report
from demo.scrape import scrape
from demo.world import World
from local.kafka import Kafka

_HEAD_START = 4.0  # for producers to work out their day
_READY_SECONDS = 60.0
_STANDSTILL_SECONDS = 90.0
_GRACE_SECONDS = 30.0


def play(world: World, plan: Plan, kafka: Kafka, report: Report, every: float) -> None:
    """Carry a plan out; no process of it is left at the end, whatever that is.

    Args:
        world: whose topics and tables exist.
        plan: what happens.
        kafka: where.
        report: who is told.
        every: seconds between two readings.

    Raises:
        ProcessDied, NotDrained, StartError: it did not go as it should.
    """
    with ExitStack() as stack:
        report.say(f"{plan.consumers} consumers start: each is a process of `ingestor run`.")
        storing = [stack.enter_context(pod) for pod in consumers(world, plan.consumers)]
        _await_ready(storing)
        begins_at = time.time() + _HEAD_START
        cast = Cast(
            storing, publishers(world, plan, begins_at), plain_producers(world, plan, begins_at)
        )
        write_targets(world.targets, cast.observable)
        for pod in cast.producers:
            stack.enter_context(pod)
        report.say(
            f"{len(cast.publishers)} producers start that emit with the SDK, and {len(cast.plain)} without it: plain "
            f"confluent-kafka and JSON, one of them partitioned by CRC32."
        )
        gauge, broker = Gauge(world.settings), Broker(kafka)
        begins = datetime.fromtimestamp(begins_at, UTC)
        watching = stack.enter_context(audience(report, broker.product, begins, plan.seconds))
        day = Day(
            seconds=plan.seconds,
            begins_at=begins_at,
            cast=cast,
            chaos=Chaos(cast, broker, plan.incidents, watching.say),
            monitor=Monitor(cast, broker, gauge),
            watching=watching,
            every=every,
        )
        day.pass_by()
        _drain(day, gauge)
        _await_ready(storing)  # one that has just come back would not hear SIGTERM yet
        for pod in storing:
            pod.terminate()
        for pod in storing:
            pod.wait(_GRACE_SECONDS)
        watching.say("All is stored. The consumers got SIGTERM and left cleanly.")


def _await_ready(pods: Sequence[Pod]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    for pod in pods:
        while not _is_ready(pod):
            pod.check()
            if time.monotonic() > deadline:
                raise ProcessDied(
                    f"{pod.name} was not ready within {_READY_SECONDS:.0f} s: see its log."
                )
            time.sleep(0.1)


def _is_ready(pod: Pod) -> bool:
    assert pod.port is not None, f"{pod.name} answers no probes"
    scraped = scrape(pod.port)
    return scraped is not None and not scraped.unready


def _drain(day: Day, gauge: Gauge) -> None:
    """Wait until the ledger has passed the end of each partition, which does not move any more."""
    ends = gauge.ends()
    least, since = sum(ends.values()), time.monotonic()
    while behind := sum(
        max(ends[partition] - at, 0) for partition, at in day.look().ledger.positions.items()
    ):
        if behind < least:
            least, since = behind, time.monotonic()
        if time.monotonic() - since > _STANDSTILL_SECONDS:
            raise NotDrained(
                f"{behind} messages are not stored, and none was for {_STANDSTILL_SECONDS:.0f} s."
            )
        time.sleep(1)
