import subprocess
import sys
import time

from demo.process import Process

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]

STARTER = """
import pathlib, sys, time
from demo.process import Process
process = Process([sys.executable, "-c", "import time; time.sleep(600)"], {},
pathlib.Path(sys.argv[1]))
print(process.pid, flush=True)
time.sleep(600)
"""


def is_alive(pid):
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return state.strip()[:1] not in {"", "Z"}


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_a_process_is_gone_when_its_block_ends_however_it_ends(tmp_path):
    with Process(SLEEPER, {}, tmp_path / "log") as process:
        assert wait_until(lambda: process.log_tail() == "here")
        assert process.code is None
    assert not is_alive(process.pid)


def test_a_process_that_is_asked_to_finish_tells_its_code(tmp_path):
    with Process(SLEEPER, {}, tmp_path / "log") as process:
        assert wait_until(lambda: process.log_tail() == "here")
        assert process.wait(0) is None
        process.terminate()
        assert process.wait(20) == -15


def test_a_process_dies_with_a_starter_that_is_killed(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, tmp_path / "log"], stdout=subprocess.PIPE, text=True
    ) as starter:
        pid = int(starter.stdout.readline())
        assert is_alive(pid)
        starter.kill()
    assert wait_until(lambda: not is_alive(pid))
