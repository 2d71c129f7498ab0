"""A plan carried out: producers send, consumers store, some die, and in the end all is stored."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from demo.consumers import Consumers
from demo.errors import NotDrained, ProcessDied
from demo.gauge import Gauge
from demo.lesson import PODS
from demo.plan import Plan
from demo.process import Process
from demo.report import Report
from demo.world import World

_HEAD_START = 1.5  # for producers to work out their day
_TICK_SECONDS = 0.1
_DRAIN_SECONDS = 90.0
_SLACK_SECONDS = 60.0

Action = tuple[float, Callable[[], None]]


def play(world: World, plan: Plan, report: Report, every: float) -> None:
    """Carry a plan out; no process of it is left at the end, whatever that is.

    Arguments:
        world: whose topics and tables exist.
        plan: what happens.
        report: who is told.
        every: seconds between two quiet lines.

    Raises:
        ProcessDied, NotDrained: it did not go as it should.
    """
    gauge = Gauge(world.settings)
    with ExitStack() as stack:
        report.say(f"{plan.consumers} consumers start: each is a process of `ingestor run`.")
        consumers = stack.enter_context(Consumers(world, plan.consumers))
        consumers.wait_until_ready()
        begins_at = time.time() + _HEAD_START
        producers = [stack.enter_context(_producer(world, plan, pod, begins_at)) for pod in PODS]
        report.say(
            f"{len(producers)} producers start: plain confluent-kafka and JSON; one of them partitions by CRC32."
        )
        actions = list(_actions(plan, consumers, report))
        tell_at = begins_at
        while any(producer.code is None for producer in producers):
            now = time.time()
            while actions and actions[0][0] <= now - begins_at:
                actions.pop(0)[1]()
            _check(producers, consumers, now - begins_at - plan.seconds)
            if now >= tell_at:
                report.reading(gauge.read())
                tell_at = now + every
            time.sleep(_TICK_SECONDS)
        _check(producers, consumers, 0)
        report.say("The day is over: the producers have ended, the broker has acknowledged all that they sent.")
        for _, action in actions:
            action()
        _drain(gauge, consumers, report)
        consumers.wait_until_ready()  # one that has just come back would not hear SIGTERM yet
        consumers.stop()
        report.say("All is stored. The consumers got SIGTERM and left cleanly.")


def _producer(world: World, plan: Plan, pod: str, begins_at: float) -> Process:
    assignment = plan.assignment(pod, world.settings.session_events_topic, world.journals, begins_at)
    return world.start(pod, sys.executable, "-m", "demo.producer", assignment.model_dump_json())


def _actions(plan: Plan, consumers: Consumers, report: Report) -> Iterator[Action]:
    for incident in plan.incidents:
        number = incident.consumer

        def kill(number: int = number) -> None:
            pid = consumers.kill(number)
            report.say(f"SIGKILL: consumer {number + 1} (process {pid}) is dead, in the middle of whatever it did.")

        def start(number: int = number) -> None:
            pid = consumers.start(number).pid
            report.say(f"Consumer {number + 1} starts again (process {pid}).")

        yield incident.killed, kill
        yield incident.back, start


def _check(producers: list[Process], consumers: Consumers, overdue: float) -> None:
    consumers.check_alive()
    for producer in producers:
        if producer.code:
            raise ProcessDied(f"{producer.log.stem} ended with {producer.code}: {producer.last_words()}")
    if overdue > _SLACK_SECONDS:
        raise NotDrained(f"The producers are still sending {overdue:.0f} s after the end of their day.")


def _drain(gauge: Gauge, consumers: Consumers, report: Report) -> None:
    deadline = time.monotonic() + _DRAIN_SECONDS
    while (reading := gauge.read()).lag:
        report.reading(reading)
        consumers.check_alive()
        if time.monotonic() > deadline:
            raise NotDrained(f"{reading.lag} messages are not stored {_DRAIN_SECONDS:.0f} s after the last was sent.")
        time.sleep(1)
    report.reading(reading)
