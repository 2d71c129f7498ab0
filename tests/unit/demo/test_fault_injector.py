import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo.environment import Environment
from demo.fault_injector import FaultInjector
from demo.faults import AWAY_SECONDS, Kind, ScheduledFault, Target
from demo.processes import Broker, Pod, Processes
from local.kafka import Kafka, StartError
from tests.support.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
WRITER = [
    sys.executable,
    "-c",
    """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
while True:
    try:
        (folder / "ok").write_text("x")
    except OSError:
        (folder / "full").touch()
    time.sleep(0.05)
""",
]


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
def processes(tmp_path):
    environment = Environment(tmp_path, {})
    environment.logs.mkdir()
    with ExitStack() as stack:

        def pods(*names, command=SLEEPER, lasting=False):
            return [
                stack.enter_context(Pod(environment, name, command, {}, lasting=lasting))
                for name in names
            ]

        yield Processes(pods("consumer-1", "consumer-2", lasting=True), pods("handler-1"), [])


@pytest.fixture
def announced():
    return []


def up(pods):
    return [pod.up for pod in pods]


def test_the_script_is_followed_in_time(processes, broker, announced):
    injector = FaultInjector(
        processes,
        broker,
        None,
        [ScheduledFault(3, Target.PRODUCER, 4), ScheduledFault(1, Target.CONSUMER, 3)],
        announced.append,
    )
    injector.run_due(0.9)
    assert up(processes.consumers) == [True, True]
    injector.run_due(1)
    assert up(processes.consumers) == [True, False]
    injector.run_due(3)
    assert up(processes.consumers) == [True, True]
    assert up(processes.publishers) == [False]
    injector.run_due(4)
    assert up(processes.publishers) == [True]
    assert [words.split()[0] for words in announced] == [
        "SIGKILL:",
        "SIGKILL:",
        "consumer-2",
        "handler-1",
    ]


def test_consumers_are_killed_in_turn_and_only_those_that_are_up(processes, broker, announced):
    injector = FaultInjector(processes, broker, None, [], announced.append)
    injector.kill_now(Target.CONSUMER, 0)
    injector.kill_now(Target.CONSUMER, 0)
    assert up(processes.consumers) == [False, False]
    injector.kill_now(Target.CONSUMER, 0)
    assert announced[-1] == "No consumer is running that could be hit."
    injector.run_due(AWAY_SECONDS[Target.CONSUMER])
    assert up(processes.consumers) == [True, True]
    injector.kill_now(Target.CONSUMER, 9)
    assert up(processes.consumers) == [True, False]


def test_calm_brings_everybody_back_at_once_and_ends_the_script(
    processes, broker, process, announced
):
    injector = FaultInjector(
        processes, broker, None, [ScheduledFault(5, Target.CONSUMER, 6)], announced.append
    )
    injector.kill_now(Target.PRODUCER, 0)
    injector.kill_now(Target.BROKER, 0)
    assert not broker.up
    injector.restart_all()
    assert not injector.finished
    process.may_start.set()
    wait_until(lambda: injector.finished, "the broker is up")
    assert process.done == ["killed", "started"]
    assert up(processes.publishers) == [True]
    injector.run_due(10)
    assert up(processes.consumers) == [True, True]


def test_a_broker_that_does_not_come_back_is_not_passed_over(processes, broker, process, announced):
    process.error = StartError("no broker")
    process.may_start.set()
    injector = FaultInjector(processes, broker, None, [], announced.append)
    injector.kill_now(Target.BROKER, 0)
    injector.restart_all()
    with pytest.raises(StartError, match="no broker"):
        wait_until(lambda: injector.finished, "the broker is up", seconds=20)


def test_somebody_elses_broker_is_left_alone_and_that_is_said(processes, announced):
    broker = Broker(Kafka("given", "an existing one", "127.0.0.1:1", lambda: None))
    injector = FaultInjector(
        processes, broker, None, [ScheduledFault(1, Target.BROKER, 2)], announced.append
    )
    injector.run_due(1)
    injector.run_due(2)
    assert announced == ["The broker is not killed: the demo did not start it."]
    assert broker.up


class Wire:
    """A network that records its faults."""

    up = True

    def __init__(self):
        self.done = []

    def begin(self, kind):
        self.done.append(("begin", kind))

    def end(self, kind):
        self.done.append(("end", kind))


def test_a_network_is_cut_and_healed(processes, broker, announced):
    network = Wire()
    fault = ScheduledFault(1, Target.NETWORK, 3, Kind.CUT)
    injector = FaultInjector(processes, broker, network, [fault], announced.append)
    injector.run_due(1)
    injector.run_due(2.9)
    assert network.done == [("begin", Kind.CUT)]
    injector.run_due(3)
    assert network.done == [("begin", Kind.CUT), ("end", Kind.CUT)]
    assert injector.finished
    assert injector.counts == {"network cut of a network": 1}


def test_a_consumer_is_frozen_and_thawed(processes, broker, announced):
    fault = ScheduledFault(1, Target.CONSUMER, 3, Kind.FREEZE)
    injector = FaultInjector(processes, broker, None, [fault], announced.append)
    frozen = processes.consumers[1]
    injector.run_due(1)
    wait_until(lambda: status_of(frozen.pid) == "T", "the process is stopped")
    injector.run_due(3)
    wait_until(lambda: status_of(frozen.pid) != "T", "the process goes on")
    assert frozen.up


def test_a_consumer_with_a_full_disk_can_write_no_file_until_the_fault_ends(
    tmp_path, broker, announced
):
    environment = Environment(tmp_path, {})
    environment.logs.mkdir()
    with Pod(environment, "writer", [*WRITER, str(tmp_path)], {}, lasting=True) as writer:
        wait_until((tmp_path / "ok").exists, "the process writes")
        fault = ScheduledFault(0, Target.CONSUMER, 1, Kind.FULL_DISK)
        injector = FaultInjector(
            Processes([writer], [], []), broker, None, [fault], announced.append
        )
        injector.run_due(0)
        wait_until((tmp_path / "full").exists, "its writes fail")
        injector.run_due(1)
        (tmp_path / "ok").unlink()
        wait_until((tmp_path / "ok").exists, "it writes again")
        assert writer.up


def status_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
