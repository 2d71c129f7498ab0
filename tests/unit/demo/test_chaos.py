import sys
import threading
from contextlib import ExitStack

import pytest

from demo.broker import Broker
from demo.cast import Cast
from demo.chaos import Chaos
from demo.incident import AWAY_SECONDS, Incident, Victim
from demo.pod import Pod
from demo.world import World
from local.kafka import Kafka, StartError
from tests.support.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
FAILING = [sys.executable, "-c", "raise SystemExit(1)"]


class Restartable:
    def __init__(self):
        self.done = []
        self.may_start = threading.Event()
        self.error = None

    def kill(self):
        self.done.append("killed")

    def start(self):
        self.may_start.wait(20)
        if self.error:
            raise self.error
        self.done.append("started")


@pytest.fixture
def process():
    return Restartable()


@pytest.fixture
def broker(process):
    return Broker(Kafka("maven", "a broker,", "127.0.0.1:1", lambda: None, broker=process))


@pytest.fixture
def cast(tmp_path):
    world = World(tmp_path, {})
    world.logs.mkdir()
    with ExitStack() as stack:

        def pods(*names, command=SLEEPER, lasting=False):
            return [
                stack.enter_context(Pod(world, name, command, {}, lasting=lasting))
                for name in names
            ]

        yield Cast(pods("consumer-1", "consumer-2", lasting=True), pods("handler-1"), [])


@pytest.fixture
def said():
    return []


def up(pods):
    return [pod.up for pod in pods]


def test_the_script_is_followed_in_time(cast, broker, said):
    chaos = Chaos(
        cast,
        broker,
        [Incident(3, Victim.PRODUCER, 4), Incident(1, Victim.CONSUMER, 3)],
        said.append,
    )
    chaos.turn(0.9)
    assert up(cast.consumers) == [True, True]
    chaos.turn(1)
    assert up(cast.consumers) == [True, False]
    chaos.turn(3)
    assert up(cast.consumers) == [True, True]
    assert up(cast.publishers) == [False]
    chaos.turn(4)
    assert up(cast.publishers) == [True]
    assert [words.split()[0] for words in said] == [
        "SIGKILL:",
        "SIGKILL:",
        "consumer-2",
        "handler-1",
    ]


def test_consumers_are_killed_in_turn_and_only_those_that_are_up(cast, broker, said):
    chaos = Chaos(cast, broker, [], said.append)
    chaos.strike(Victim.CONSUMER, 0)
    chaos.strike(Victim.CONSUMER, 0)
    assert up(cast.consumers) == [False, False]
    chaos.strike(Victim.CONSUMER, 0)
    assert said[-1] == "No consumer is up to be killed."
    chaos.turn(AWAY_SECONDS[Victim.CONSUMER])
    assert up(cast.consumers) == [True, True]
    chaos.strike(Victim.CONSUMER, 9)
    assert up(cast.consumers) == [True, False]


def test_calm_brings_everybody_back_at_once_and_ends_the_script(cast, broker, process, said):
    chaos = Chaos(cast, broker, [Incident(5, Victim.CONSUMER, 6)], said.append)
    chaos.strike(Victim.PRODUCER, 0)
    chaos.strike(Victim.BROKER, 0)
    assert not broker.up
    chaos.calm()
    assert not chaos.over
    process.may_start.set()
    wait_until(lambda: chaos.over, "the broker is up")
    assert process.done == ["killed", "started"]
    assert up(cast.publishers) == [True]
    chaos.turn(10)
    assert up(cast.consumers) == [True, True]


def test_a_broker_that_does_not_come_back_is_not_passed_over(cast, broker, process, said):
    process.error = StartError("no broker")
    process.may_start.set()
    chaos = Chaos(cast, broker, [], said.append)
    chaos.strike(Victim.BROKER, 0)
    chaos.calm()
    with pytest.raises(StartError, match="no broker"):
        wait_until(lambda: chaos.over, "the broker is up", seconds=20)


def test_somebody_elses_broker_is_left_alone_and_that_is_said(cast, said):
    broker = Broker(Kafka("given", "the one of somebody", "127.0.0.1:1", lambda: None))
    chaos = Chaos(cast, broker, [Incident(1, Victim.BROKER, 2)], said.append)
    chaos.turn(1)
    chaos.turn(2)
    assert said == ["The broker is left alone: it is no process that the demo could start again."]
    assert broker.up


def test_a_consumer_that_found_no_broker_is_started_again_and_another_that_ends_is_not(
    tmp_path, broker, said
):
    world = World(tmp_path, {})
    world.logs.mkdir()
    with Pod(world, "consumer-1", FAILING, {}, lasting=True) as pod:
        wait_until(lambda: pod.failed, "it ends")
        chaos = Chaos(Cast([pod], [], []), broker, [], said.append)
        chaos.mend()
        assert said == []
        chaos.strike(Victim.BROKER, 0)
        chaos.mend()
        assert len(said) == 2
        assert said[1].endswith("starts again: the last one found no broker.")
