"""The endpoint as a process: its output and its end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from local.kafka.free_port import free_port

ROOT = Path(__file__).parents[4]
STARTER = """
import sys, threading
from pathlib import Path
from local.databricks import Endpoint

endpoint = Endpoint(Path(sys.argv[1]), *map(int, sys.argv[2:]))
threading.Thread(target=endpoint.start, daemon=True).start()
while endpoint.pid is None:
    pass
print(endpoint.pid, flush=True)
threading.Event().wait()
"""


def test_the_command_prints_the_environment_to_export(databricks):
    exports = (databricks.folder / "endpoint.log").read_text()
    for name, value in databricks.environment.items():
        assert f"export {name}={value}" in exports


def test_the_endpoint_and_its_jvm_end_with_the_process_that_started_them(tmp_path):
    arguments = [str(tmp_path), str(free_port()), str(free_port())]
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, *arguments], cwd=ROOT, stdout=subprocess.PIPE
    ) as starter:
        group = int(starter.stdout.readline())
        while not (tmp_path / "metastore").exists():  # the JVM makes it
            assert starter.poll() is None
            time.sleep(0.1)
        starter.send_signal(signal.SIGKILL)
    while _lives(group):
        time.sleep(0.1)


def _lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
