import signal
import subprocess
import sys

import pytest

PROGRAM = """
from classwaves_runtime.signals import stop_event
stop = stop_event()
print("ready", flush=True)
stop.wait()
print("stopping", flush=True)
while True:
    pass
"""


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_and_the_second_ends(first, second):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(first)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(second)
        assert process.wait(30) == -second
