"""The upkeep process itself, on Delta tables."""

import os
import subprocess
import sys
from contextlib import suppress

import pytest

from classwaves_ingestor.upkeep.report import PassReport
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from tests.support.upkeep_behaviour import COMMITS, fill


@pytest.fixture
def start(tmp_path):
    """Starts the process; it is killed after the test."""
    started = []

    def start(**environ):
        process = subprocess.Popen(
            [sys.executable, "-m", "classwaves_ingestor.upkeep.child", "0.1"],
            env={**os.environ, "WAREHOUSE": f"delta:{tmp_path}", **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        with suppress(ValueError):  # stdin may be closed
            process.communicate()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def test_it_runs_passes_until_its_stdin_is_closed(start, tmp_path):
    warehouse = DeltaWarehouse(str(tmp_path))
    warehouse.tables.migrate()
    fill(warehouse)
    process = start()
    first, second = (PassReport.from_json(process.stdout.readline()) for _ in range(2))
    assert (first.tables[0].files_before, first.tables[0].files_after) == (COMMITS, 1)
    assert second.tables[0].files_before == 1
    assert os.getpriority(os.PRIO_PROCESS, process.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    process.stdin.close()
    assert process.wait() == 0
    assert warehouse.events.size().rows == 2 * COMMITS


def test_it_refuses_wrong_settings_with_one_line(start):
    process = start(WAREHOUSE="nonsense")
    assert process.wait() == 2
    assert process.stderr.read().count(b"WAREHOUSE is 'nonsense'") == 1
