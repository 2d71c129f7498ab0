import os
import signal
import subprocess
import sys
from collections import deque

import pytest

from classwaves_runtime.errors import InjectedFault, SettingsError
from classwaves_runtime.failpoints import FailPoint, arm

PROGRAM = """
import sys
from classwaves_runtime.failpoints import FailPoint, arm
point = FailPoint("written")
arm({"FAILPOINTS": sys.argv[1]})
for n in (1, 2, 3, 4):
    print(n, flush=True)
    point.hit()
"""


def test_an_unarmed_fail_point_does_nothing():
    FailPoint("unarmed").hit()
    arm({})


def test_a_fail_point_raises_only_at_the_configured_hit():
    point = FailPoint("decoded")
    arm({"FAILPOINTS": "decoded=raise@2"})
    point.hit()
    with pytest.raises(InjectedFault, match="decoded"):
        point.hit()
    point.hit()


def test_a_probability_of_zero_never_fails():
    point = FailPoint("never")
    arm({"FAILPOINTS": "never=raise@.0"})
    for _ in range(100):
        point.hit()


def test_a_probability_fails_eventually():
    point = FailPoint("often")
    arm({"FAILPOINTS": "often=raise@0.5"})
    with pytest.raises(InjectedFault):
        deque(iter(point.hit, "never this"), maxlen=0)


def test_a_kill_ends_the_process_without_output():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "written=kill@3"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["1", "2", "3"]
    assert done.returncode == -signal.SIGKILL


def test_a_stop_freezes_the_process_until_sigcont():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "written=stop@3"], stdout=subprocess.PIPE, text=True
    ) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
    assert output.split() == ["1", "2", "3", "4"]
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["classwaves_ingestor", "run"], "before-commit"),
        (["classwaves_ingestor", "upkeep"], "upkeep-checked"),
        (["classwaves_rollup", "run"], "replacing-hour"),
        (["classwaves_rollup", "once", "--hour", "2026-03-02T08"], "replacing-hour"),
        (
            ["classwaves_rollup", "backfill", "--from", "2026-03-02T08", "--to", "2026-03-02T09"],
            "replacing-hour",
        ),
    ],
    ids=["ingestor run", "ingestor upkeep", "rollup run", "rollup once", "rollup backfill"],
)
def test_commands_know_the_fail_points_of_the_warehouse(tmp_path, command, name):
    given = {
        "FAILPOINTS": "nowhere=kill@1",
        "WAREHOUSE": f"delta:{tmp_path}",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert f" {name}" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("order", ["nowhere=kill@1", "known=explode@1", "known=kill", "known"])
def test_a_wrong_entry_is_an_error_that_lists_the_fail_points(order):
    FailPoint("known")
    with pytest.raises(SettingsError, match=rf"FAILPOINTS: '{order}'.*known"):
        arm({"FAILPOINTS": order})
