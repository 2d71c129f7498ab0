import signal
import subprocess
import sys

import pytest

from local.kafka.free_port import free_port


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_a_kafka_until_it_is_told_to_stop(kafka, ending):
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "local.kafka", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        assert str(port) in command.stdout.readline()
        command.send_signal(ending)
        assert command.wait(30) == 0
