import json
import threading
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock
from urllib.error import HTTPError

import pytest
from typer.testing import CliRunner

from classwaves_rollup.cli import app
from classwaves_rollup.commands import backfill, once, status
from classwaves_rollup.errors import WorkerStopped
from classwaves_rollup.formulas import Formulas
from classwaves_rollup.run_log import State
from classwaves_rollup.schedule import newest_due
from classwaves_rollup.settings import WorkerSettings
from classwaves_rollup.worker import Worker, WorkerThread, run_worker
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.errors import SettingsError
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import TableMissing
from local.kafka.free_port import free_port
from tests.support.rollup.harness import HOUR, INGESTION, TEN, RollupHarness, event_row
from tests.support.waiting import wait_until


@pytest.fixture
def harness(tmp_path, monkeypatch):
    """A harness on Delta tables, with the environment of commands."""
    monkeypatch.setenv("WAREHOUSE", f"delta:{tmp_path}")
    monkeypatch.setenv("INGESTOR_GROUP", INGESTION.group)
    monkeypatch.setenv("SESSION_EVENTS_TOPIC", INGESTION.topic)
    monkeypatch.delenv("FAILPOINTS", raising=False)
    warehouse = DeltaWarehouse(str(tmp_path))
    warehouse.tables.migrate()
    harness = RollupHarness(warehouse)
    harness.add(
        event_row("s1", "started", 10),
        event_row("s1", "ended", 75),
        event_row("s2", "started", 20, school_id=None),
    )
    return harness


def rollup(*arguments):
    return CliRunner().invoke(app, arguments)


def test_once_computes_an_hour(harness):
    harness.set_ingested_through(TEN + HOUR)
    done = rollup("once", "--hour", "2026-03-02T10")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "2026-03-02T10 done in " in done.stdout
    assert done.stdout.endswith("1 events without a school; complete\n")
    assert [row["sessions_active"] for row in harness.rows()] == [1]


def test_backfill_computes_a_range_once_and_then_only_hours_with_late_data(harness):
    done = rollup("backfill", "--from", "2026-03-02T09", "--to", "2026-03-02T12")
    assert (done.exit_code, done.stdout) == (
        0,
        "4 hours, 0 of them are up to date.\n2 rows written.\n",
    )
    done = rollup("backfill", "--from", "2026-03-02T09", "--to", "2026-03-02T12")
    assert done.stdout == "4 hours, 4 of them are up to date.\n0 rows written.\n"
    harness.add(event_row("s3", "started", 65), event_row("s3", "ended", 70))
    done = rollup("backfill", "--from", "2026-03-02T09", "--to", "2026-03-02T12", "--workers", "1")
    assert done.stdout == "4 hours, 3 of them are up to date.\n1 rows written.\n"
    done = rollup("backfill", "--from", "2026-03-02T11", "--to", "2026-03-02T11", "--again")
    assert done.stdout == "1 hours, 0 of them are up to date.\n1 rows written.\n"


def test_a_failed_hour_is_named_and_the_command_exits_with_one(harness, monkeypatch):
    monkeypatch.setenv("FAILPOINTS", "hour-facts=raise@1")
    done = rollup("once", "--hour", "2026-03-02T10")
    assert done.exit_code == 1
    assert (
        done.stderr
        == "2026-03-02T10 failed: InjectedFault: FAILPOINTS raised an error at hour-facts.\n"
    )
    monkeypatch.setenv("FAILPOINTS", "hour-facts=raise@1")
    done = rollup("backfill", "--from", "2026-03-02T09", "--to", "2026-03-02T10", "--workers", "1")
    assert done.exit_code == 1
    assert "2026-03-02T09 failed: InjectedFault" in done.stderr
    assert "1 hours failed, the first is 2026-03-02T09: see `rollup status`." in done.stderr
    assert harness.run_log[TEN].state is State.DONE


def test_status_prints_json_for_scripts(harness, monkeypatch):
    harness.set_ingested_through(TEN + HOUR)
    harness.compute(TEN)
    monkeypatch.setenv("FAILPOINTS", "hour-rows=raise@1")
    rollup("once", "--hour", "2026-03-02T11")
    document = json.loads(rollup("status", "--json", "--last", "2").stdout)
    assert document["complete_through"] == "2026-03-02T10:00:00Z"
    assert document["stored_until"] == "2026-03-02T11:00:00.000Z"
    assert document["failed"] == ["2026-03-02T11:00:00Z"]
    assert document["holes"][0] == document["late"][0] == "2026-03-02T11:00:00Z"
    assert (document["dirty"], document["running"]) == ([], [])
    assert [(each["hour"], each["state"], each["complete"]) for each in document["hours"]] == [
        ("2026-03-02T11:00:00Z", "failed", False),
        ("2026-03-02T10:00:00Z", "done", True),
    ]
    assert document["hours"][1]["source_versions"] == {"analytics.session_events": 2}
    assert document["lag_seconds"] > 0


def test_status_prints_a_table(harness, monkeypatch):
    monkeypatch.setattr(
        status, "SystemClock", lambda: ManualClock(TEN + 2 * HOUR + timedelta(minutes=20))
    )
    assert rollup("status").stdout.splitlines()[-4:] == [
        "last complete hour: none yet",
        "ingested through: unknown for some partition",
        "lag: 4800 s",
        "late: 1 hours, from 2026-03-02 11 to 2026-03-02 11",
    ]
    harness.set_ingested_through(TEN + HOUR)
    harness.compute(TEN)
    lines = rollup("status").stdout.splitlines()
    assert lines[1].split()[:4] == ["2026-03-02", "10", "done", "yes"]
    assert lines[2:5] == [
        "last complete hour: 2026-03-02 10 (UTC)",
        "ingested through: 2026-03-02 11:00:00 (UTC)",
        "lag: 4800 s",
    ]
    assert lines[-2:] == [
        "late: 1 hours, from 2026-03-02 11 to 2026-03-02 11",
        "holes: 1 hours, from 2026-03-02 11 to 2026-03-02 11",
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("once", "--hour", "soon"), "'soon' is not an hour"),
        (("once", "--hour", "2026-03-02T10:30"), "not the start of an hour"),
        (("once", "--hour", "2999-01-01T00"), "2999-01-01T00 has not begun"),
        (("once",), "Missing option '--hour'"),
        (("backfill", "--from", "2026-03-02T10", "--to", "2026-03-01"), "is before"),
        (
            ("backfill", "--from", "2026-03-02T10", "--to", "2999-01-01"),
            "2999-01-01T23 has not begun",
        ),
        (
            ("backfill", "--from", "2026-03-02", "--to", "2026-03-02", "--workers", "0"),
            "greater than or equal to 1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_use_exits_with_two_and_names_the_problem(harness, arguments, problem):
    done = rollup(*arguments)
    assert done.exit_code == 2
    assert problem in " ".join(done.stderr.replace("│", " ").split())


def test_a_missing_setting_is_wrong_use(harness, monkeypatch):
    monkeypatch.delenv("WAREHOUSE")
    done = rollup("status")
    assert (done.exit_code, done.stderr.startswith("WAREHOUSE: is not set")) == (2, True)


def test_missing_tables_are_named(harness, monkeypatch, tmp_path):
    monkeypatch.setenv("WAREHOUSE", f"delta:{tmp_path / 'elsewhere'}")
    done = rollup("once", "--hour", "2026-03-02T10")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "rollup_runs" in done.stderr


def test_the_worker_reports_a_failed_hour_and_ends_when_stopped(harness, monkeypatch):
    hour = newest_due(datetime.now(UTC))
    harness.compute(hour)
    harness.add(event_row("s9", "started", (hour - TEN) / timedelta(minutes=1) + 5))
    broken = Formulas(facts=lambda _: "SELECT nonsense")

    def build_worker(*arguments):
        worker = Worker.from_settings(*arguments)
        worker.computer = replace(worker.computer, formulas=broken)
        return worker

    port, stop = free_port(), threading.Event()
    settings = WorkerSettings(warehouse=warehouse_address(harness), http_port=port, drain_seconds=5)
    process = threading.Thread(target=run_worker, args=(settings, stop, build_worker))
    process.start()
    wait_until(
        lambda: "rollup_failed_runs 1.0" in page(port, "/metrics"),
        "the failed hour is in the metrics",
    )
    assert "could not be computed" in page(port, "/readyz")
    assert json.loads(page(port, "/healthz"))["ok"]
    stop.set()
    process.join(30)
    assert not process.is_alive()


def warehouse_address(harness):
    return f"delta:{harness.warehouse._root.url}"


def page(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.read().decode()
    except HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


def test_a_worker_without_tables_ends_with_an_error(tmp_path):
    settings = WorkerSettings(warehouse=f"delta:{tmp_path}")
    with pytest.raises(TableMissing, match="rollup_runs"):
        run_worker(settings, threading.Event())


class Panic(BaseException):
    """Like a panic of pyo3: not an Exception."""


def panic(*_):
    raise Panic("Maya is late")


def test_a_panic_in_the_worker_raises_an_error_without_payload(harness):
    settings = WorkerSettings(warehouse=warehouse_address(harness))
    with pytest.raises(WorkerStopped) as ended:
        run_worker(settings, threading.Event(), panic)
    assert "Maya" not in str(ended.value)


def test_a_worker_whose_thread_ends_early_raises_an_error(harness, monkeypatch):
    monkeypatch.setattr(WorkerThread, "run", Mock())
    with pytest.raises(WorkerStopped):
        run_worker(WorkerSettings(warehouse=warehouse_address(harness)), threading.Event())


def test_a_rate_below_zero_is_refused():
    with pytest.raises(SettingsError, match="ROLLUP_COST_PER_MINUTE"):
        WorkerSettings.from_environment({"WAREHOUSE": "memory:", "ROLLUP_COST_PER_MINUTE": "-1"})


def test_the_open_hour_is_computed_and_not_done(harness, monkeypatch):
    for command in (once, backfill):
        monkeypatch.setattr(command, "SystemClock", lambda: ManualClock(TEN + HOUR / 2))
    done = rollup("once", "--hour", "2026-03-02T10")
    assert done.exit_code == 0
    assert "2026-03-02T10 computed in " in done.stdout
    assert done.stdout.endswith("; the hour has not ended\n")
    assert [row["sessions_active"] for row in harness.rows()] == [1]
    assert harness.run_log[TEN].state is State.DIRTY
    done = rollup("backfill", "--from", "2026-03-02T10", "--to", "2026-03-02T10")
    assert (done.exit_code, done.stdout) == (
        0,
        "1 hours, 0 of them are up to date.\n1 rows written.\n",
    )


def test_an_hour_that_was_done_before_its_end_is_computed_again(harness, monkeypatch):
    """Its run has the clock of a machine that was ahead."""
    harness.compute(TEN)
    assert harness.run_log[TEN].state is State.DONE
    monkeypatch.setattr(backfill, "SystemClock", lambda: ManualClock(TEN + HOUR / 2))
    done = rollup("backfill", "--from", "2026-03-02T10", "--to", "2026-03-02T10")
    assert done.stdout.startswith("1 hours, 0 of them are up to date.\n")
    assert harness.run_log[TEN].state is State.DIRTY
