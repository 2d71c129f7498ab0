import subprocess
import sys

import pytest

from classwaves_ingestor.producer import greenlets

PATCH = {
    "gevent": "from gevent import monkey, spawn; monkey.patch_all()",
    "eventlet": """
import warnings
warnings.simplefilter("ignore")
import eventlet
eventlet.monkey_patch()
spawn = eventlet.spawn
""",
}
BEATS = """
import hashlib
import time

from classwaves_ingestor.producer import greenlets


def beat():
    while True:
        beats.append(1)
        time.sleep(0.001)


beats = []
spawn(beat)
assert greenlets.in_use()
greenlets.run_long(hashlib.pbkdf2_hmac, "sha256", b"", salt=b"", iterations=1_000_000)
print(len(beats))
try:
    greenlets.run_long(int, "x")
except ValueError:
    print("ValueError")
"""


@pytest.mark.parametrize("library", PATCH)
def test_greenlets_continue_during_a_long_call(library):
    done = subprocess.run(
        [sys.executable, "-c", PATCH[library] + BEATS],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    beats, error = done.stdout.split()
    assert int(beats) > 5
    assert error == "ValueError"


def test_with_threads_a_long_call_runs_at_once():
    assert not greenlets.in_use()
    assert greenlets.run_long(int, "11", base=2) == 3
