"""The supervisor with small real processes in place of the upkeep process."""

import logging
import os
import sys

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor import metrics
from classwaves_ingestor.upkeep.report import PassReport
from classwaves_ingestor.upkeep.supervisor import UpkeepSupervisor
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.interface import TableUpkeep
from tests.support.events import NOW
from tests.support.waiting import wait_until

DONE = PassReport([TableUpkeep("a.b", 9, 2, lost=3)], 1.0, 4096)
FAILED = PassReport([], 1.0, 4096, "the store did not answer")
PRINT = "import os, sys; print(os.environ['LINE'], flush=True); sys.stdin.read()"


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def supervise(registry):
    """Starts a supervisor of a Python program; each is stopped after the test."""
    supervisors = []

    def start(program, report=DONE, command=(sys.executable, "-c")):
        supervisor = UpkeepSupervisor(
            [*command, program],
            {**os.environ, "LINE": report.to_json()},
            Meters(metrics.CONSUMER, registry),
            ManualClock(NOW),
            restart_seconds=0.01,
        )
        supervisors.append(supervisor)
        supervisor.start()
        return supervisor

    yield start
    for supervisor in supervisors:
        supervisor.stop()


@pytest.fixture
def value(registry):
    """The value of a metric."""
    return lambda metric, **labels: registry.get_sample_value(metric.name, labels)


def passes(value, outcome):
    return value(metrics.UPKEEP_PASSES, outcome=outcome) or 0


def test_reports_become_metrics(supervise, value):
    supervise(PRINT)
    wait_until(lambda: passes(value, "done"), "a report arrived")
    wait_until(lambda: value(metrics.UPKEEP_FILES, table="a.b") == 2, "the files are reported")
    assert value(metrics.UPKEEP_LAST_PASS) == NOW.timestamp()
    assert value(metrics.UPKEEP_MEMORY) == 4096
    assert value(metrics.UPKEEP_LOST_GROUPS) == 3


def test_a_failed_pass_is_counted_and_is_not_the_last_one_done(supervise, value):
    supervise(PRINT, FAILED)
    wait_until(lambda: passes(value, "failed"), "a report arrived")
    assert value(metrics.UPKEEP_LAST_PASS) == 0


def test_a_table_whose_number_of_files_is_unknown_has_no_gauge(supervise, value):
    supervise(PRINT, PassReport([TableUpkeep("a.b")], 1.0, 4096))
    wait_until(lambda: passes(value, "done"), "a report arrived")
    assert value(metrics.UPKEEP_FILES, table="a.b") is None


def test_stop_ends_the_process_and_its_gauges(supervise, value, tmp_path):
    ended = tmp_path / "ended"
    supervisor = supervise(f"{PRINT}; open({str(ended)!r}, 'w').close()")
    wait_until(lambda: value(metrics.UPKEEP_FILES, table="a.b"), "a report arrived")
    supervisor.start()
    assert passes(value, "done") == 1
    supervisor.stop()
    supervisor.stop()
    wait_until(ended.exists, "the process has ended")
    wait_until(lambda: value(metrics.UPKEEP_FILES, table="a.b") is None, "the gauge is gone")
    assert passes(value, "died") == 0


def test_a_process_that_dies_is_started_again_and_logged_once(supervise, value, caplog):
    caplog.set_level(logging.ERROR)
    supervise("raise SystemExit(3)")
    wait_until(lambda: passes(value, "died") >= 3, "the process died three times")
    [record] = caplog.records
    assert "The upkeep process died: it ended with code 3" in record.getMessage()


def test_after_a_pass_that_is_done_another_death_is_logged(supervise, value, caplog):
    supervise("import os; print(os.environ['LINE'], flush=True)")
    wait_until(lambda: passes(value, "died") >= 2, "the process died twice")
    assert caplog.text.count("The upkeep process died: it ended with code 0") >= 2


@pytest.mark.parametrize(
    ("program", "command", "problem"),
    [
        ("print('no report')", (sys.executable, "-c"), "DecodeError"),
        ("", ("/no/such/program",), "FileNotFoundError"),
    ],
    ids=["no report", "no program"],
)
def test_any_failure_stays_in_the_thread_of_the_supervisor(
    supervise, value, caplog, program, command, problem
):
    supervise(program, command=command)
    wait_until(lambda: passes(value, "died") >= 2, "the failure was counted")
    assert problem in caplog.text


def test_stop_during_the_pause_after_a_death_starts_no_process(supervise, value, caplog):
    supervisor = supervise("raise SystemExit(3)")
    wait_until(lambda: passes(value, "died"), "the process died")
    supervisor.stop()
    supervisor.start()
    wait_until(lambda: passes(value, "died") >= 3, "a new process died")
