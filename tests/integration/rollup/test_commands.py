import json
import threading
import urllib.request
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock
from urllib.error import HTTPError

import pytest
from typer.testing import CliRunner

from classwaves_rollup.cli import app
from classwaves_rollup.commands import status
from classwaves_rollup.errors import WorkEnded
from classwaves_rollup.process import Work
from classwaves_rollup.process import run as work
from classwaves_rollup.run import State
from classwaves_rollup.schedule import newest_due
from classwaves_rollup.settings import WorkerSettings
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.errors import SettingsError
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import TableMissing
from local.kafka.free_port import free_port
from tests.support.school import HOUR, INGESTION, TEN, School, told
from tests.support.waiting import wait_until


@pytest.fixture
def school(tmp_path, monkeypatch):
    """A school on Delta tables, for which the environment of commands is set."""
    monkeypatch.setenv("WAREHOUSE", f"delta:{tmp_path}")
    monkeypatch.setenv("INGESTOR_GROUP", INGESTION.group)
    monkeypatch.setenv("SESSION_EVENTS_TOPIC", INGESTION.topic)
    monkeypatch.delenv("FAILPOINTS", raising=False)
    warehouse = DeltaWarehouse(str(tmp_path))
    warehouse.tables.migrate()
    school = School(warehouse)
    school.tell(
        told("s1", "started", 10),
        told("s1", "ended", 75),
        told("s2", "started", 20, school_id=None),
    )
    return school


def rollup(*arguments):
    return CliRunner().invoke(app, arguments)


def test_an_hour_is_computed_when_somebody_asks_for_it(school):
    school.ingested(TEN + HOUR)
    done = rollup("once", "--hour", "2026-03-02T10")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "2026-03-02T10 done in " in done.stdout
    assert done.stdout.endswith("1 events without a school; complete\n")
    assert [row["sessions_active"] for row in school.rows()] == [1]


def test_a_range_is_filled_once_and_again_only_where_something_came_late(school):
    done = rollup("backfill", "--from", "2026-03-02T09", "--to", "2026-03-02T12")
    assert (done.exit_code, done.stdout) == (
        0,
        "4 hours, 0 of them are right already.\n2 rows written.\n",
    )
    done = rollup("backfill", "--from", "2026-03-02T09", "--to", "2026-03-02T12")
    assert done.stdout == "4 hours, 4 of them are right already.\n0 rows written.\n"
    school.tell(told("s3", "started", 65), told("s3", "ended", 70))
    done = rollup("backfill", "--from", "2026-03-02T09", "--to", "2026-03-02T12", "--workers", "1")
    assert done.stdout == "4 hours, 3 of them are right already.\n1 rows written.\n"
    done = rollup("backfill", "--from", "2026-03-02T11", "--to", "2026-03-02T11", "--again")
    assert done.stdout == "1 hours, 0 of them are right already.\n1 rows written.\n"


def test_an_hour_that_fails_is_named_and_the_command_exits_with_one(school, monkeypatch):
    monkeypatch.setenv("FAILPOINTS", "hour-facts=raise@1")
    done = rollup("once", "--hour", "2026-03-02T10")
    assert done.exit_code == 1
    assert (
        done.stderr
        == "2026-03-02T10 failed: InjectedFault: FAILPOINTS ordered a fault at hour-facts.\n"
    )
    monkeypatch.setenv("FAILPOINTS", "hour-facts=raise@1")
    done = rollup("backfill", "--from", "2026-03-02T09", "--to", "2026-03-02T10", "--workers", "1")
    assert done.exit_code == 1
    assert "2026-03-02T09 failed: InjectedFault" in done.stderr
    assert "1 hours failed, the first is 2026-03-02T09: see `rollup status`." in done.stderr
    assert school.runs[TEN].state is State.DONE


def test_status_tells_a_script_how_the_last_hours_stand(school, monkeypatch):
    school.ingested(TEN + HOUR)
    school.compute(TEN)
    monkeypatch.setenv("FAILPOINTS", "hour-rows=raise@1")
    rollup("once", "--hour", "2026-03-02T11")
    told = json.loads(rollup("status", "--json", "--last", "2").stdout)
    assert told["complete_through"] == "2026-03-02T10:00:00Z"
    assert told["stored_until"] == "2026-03-02T11:00:00.000Z"
    assert told["failed"] == ["2026-03-02T11:00:00Z"]
    assert told["holes"][0] == told["late"][0] == "2026-03-02T11:00:00Z"
    assert (told["dirty"], told["running"]) == ([], [])
    assert [(each["hour"], each["state"], each["complete"]) for each in told["hours"]] == [
        ("2026-03-02T11:00:00Z", "failed", False),
        ("2026-03-02T10:00:00Z", "done", True),
    ]
    assert told["hours"][1]["source_versions"] == {"analytics.session_events": 2}
    assert told["lag_seconds"] > 0


def test_status_tells_a_person_too(school, monkeypatch):
    monkeypatch.setattr(
        status, "SystemClock", lambda: ManualClock(TEN + 2 * HOUR + timedelta(minutes=20))
    )
    assert rollup("status").stdout.splitlines()[-4:] == [
        "complete through: no hour yet",
        "stored until: not known of every partition",
        "lag: 4800 s",
        "late: 1 hours, from 2026-03-02 11 to 2026-03-02 11",
    ]
    school.ingested(TEN + HOUR)
    school.compute(TEN)
    lines = rollup("status").stdout.splitlines()
    assert lines[1].split()[:4] == ["2026-03-02", "10", "done", "yes"]
    assert lines[2:5] == [
        "complete through: 2026-03-02 10 (UTC)",
        "stored until: 2026-03-02 11:00:00 (UTC)",
        "lag: 4800 s",
    ]
    assert lines[-2:] == [
        "late: 1 hours, from 2026-03-02 11 to 2026-03-02 11",
        "holes: 1 hours, from 2026-03-02 11 to 2026-03-02 11",
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("once", "--hour", "soon"), "'soon' is no hour"),
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
def test_wrong_use_exits_with_two_and_says_what_is_wrong(school, arguments, problem):
    done = rollup(*arguments)
    assert done.exit_code == 2
    assert problem in " ".join(done.stderr.replace("│", " ").split())


def test_a_missing_setting_is_wrong_use(school, monkeypatch):
    monkeypatch.delenv("WAREHOUSE")
    done = rollup("status")
    assert (done.exit_code, done.stderr.startswith("WAREHOUSE: is not set")) == (2, True)


def test_tables_that_were_never_set_up_are_named(school, monkeypatch, tmp_path):
    monkeypatch.setenv("WAREHOUSE", f"delta:{tmp_path / 'elsewhere'}")
    done = rollup("once", "--hour", "2026-03-02T10")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "rollup_runs" in done.stderr


def test_the_worker_shows_a_failed_hour_within_one_scrape_and_ends_when_it_is_told_to(
    school, monkeypatch
):
    hour = newest_due(datetime.now(UTC))
    school.compute(hour)
    school.tell(told("s9", "started", (hour - TEN) / timedelta(minutes=1) + 5))
    monkeypatch.setattr("classwaves_rollup.hour.facts_statement", lambda _: "SELECT nonsense")
    port, stop = free_port(), threading.Event()
    settings = WorkerSettings(warehouse=school_address(school), http_port=port, drain_seconds=5)
    process = threading.Thread(target=work, args=(settings, stop))
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


def school_address(school):
    return f"delta:{school.warehouse._root.url}"


def page(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.read().decode()
    except HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


def test_a_worker_without_tables_ends_with_the_reason(tmp_path):
    settings = WorkerSettings(warehouse=f"delta:{tmp_path}")
    with pytest.raises(TableMissing, match="rollup_runs"):
        work(settings, threading.Event())


class Panic(BaseException):
    """As pyo3's: no Exception."""


@pytest.mark.parametrize(
    ("method", "played"),
    [("_worker", Mock(side_effect=Panic("Maya is late"))), ("run", Mock())],
    ids=["panic", "end"],
)
def test_a_worker_whose_thread_ends_unasked_ends_with_an_error_that_quotes_nothing(
    school, monkeypatch, method, played
):
    monkeypatch.setattr(Work, method, played)
    with pytest.raises(WorkEnded) as ended:
        work(WorkerSettings(warehouse=school_address(school)), threading.Event())
    assert "Maya" not in str(ended.value)


def test_a_rate_below_zero_is_refused():
    with pytest.raises(SettingsError, match="ROLLUP_COST_PER_MINUTE"):
        WorkerSettings.from_environment({"WAREHOUSE": "memory:", "ROLLUP_COST_PER_MINUTE": "-1"})
