import signal
import sys

import pytest

from demo.environment import Environment
from demo.errors import ProcessDied
from demo.processes import Pod
from tests.support.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]


@pytest.fixture
def environment(tmp_path):
    made = Environment(tmp_path, {})
    made.logs.mkdir()
    return made


def ending(code):
    return [sys.executable, "-c", f"raise SystemExit({code})"]


def test_a_pod_that_was_killed_is_down_and_can_come_back_as_another_process(environment):
    with Pod(environment, "one", SLEEPER, {}, lasting=True) as pod:
        first = pod.pid
        assert pod.up
        assert str(pod) == f"one (process {first})"
        pod.kill()
        assert not pod.up
        assert not pod.ended
        assert not pod.failed
        assert str(pod) == "one"
        pod.start()
        assert pod.up
        assert pod.pid != first
    assert not pod.up


def test_a_pod_whose_work_is_done_has_ended_and_not_failed(environment):
    with Pod(environment, "one", ending(0), {}) as pod:
        pod.wait(20)
        assert pod.ended
        pod.check()


@pytest.mark.parametrize(("code", "lasting"), [(1, False), (0, True)])
def test_a_pod_that_ends_otherwise_is_complained_of_with_its_last_words(environment, code, lasting):
    command = [sys.executable, "-c", f"print('farewell'); raise SystemExit({code})"]
    with Pod(environment, "one", command, {}, lasting=lasting) as pod:
        wait_until(lambda: pod.ended, "it ends")
        with pytest.raises(ProcessDied, match=f"one ended with {code}: farewell"):
            pod.check()


def test_a_pod_that_is_told_to_end_before_it_listens_has_not_failed(environment):
    with Pod(environment, "one", SLEEPER, {}) as pod:
        pod.terminate()
        wait_until(lambda: pod.ended, "it ends")
        pod.check()
        with pytest.raises(ProcessDied, match=f"one ended with {-signal.SIGTERM}"):
            pod.wait(1)


def test_a_pod_with_a_port_is_told_it(environment):
    command = [
        sys.executable,
        "-c",
        "import os; print(os.environ['HTTP_PORT'], os.environ['MORE'])",
    ]
    with Pod(environment, "one", command, {"MORE": "words"}, port=23_456) as pod:
        pod.wait(20)
    assert (environment.logs / "one-start-1.log").read_text() == "23456 words\n"
