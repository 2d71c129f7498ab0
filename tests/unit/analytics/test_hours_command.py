import json

import pytest
from typer.testing import CliRunner

from classwaves_analytics.cli import app
from classwaves_analytics.commands import hours
from classwaves_runtime.clock import ManualClock
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from tests.support.rollup.harness import HOUR, TEN, RollupHarness, event_row


@pytest.fixture
def harness(tmp_path, monkeypatch):
    """Ten o'clock is computed and has a late event, eleven is computed, twelve is open."""
    monkeypatch.setenv("WAREHOUSE", f"delta:{tmp_path}")
    monkeypatch.setattr(hours, "SystemClock", lambda: ManualClock(TEN + 2.5 * HOUR))
    warehouse = DeltaWarehouse(str(tmp_path))
    warehouse.tables.migrate()
    harness = RollupHarness(warehouse)
    harness.compute(TEN, TEN + HOUR)
    harness.add(event_row("s1", "started", 10), event_row("s1", "ended", 40))
    return harness


def run(*arguments):
    return CliRunner().invoke(app, ("hours", *arguments))


def test_hours_are_listed_with_the_reason_for_which_they_are_live(harness):
    done = run("--from", "2026-03-02T09", "--to", "2026-03-02T12")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [line.rstrip().split(maxsplit=4) for line in done.stdout.splitlines()] == [
        ["hour", "(UTC)", "source", "reason", "detail"],
        ["2026-03-02", "09", "live", "not-computed", "the hour has no run"],
        ["2026-03-02", "10", "live", "late-data", "analytics.session_events has changed"],
        ["2026-03-02", "11", "stored"],
        ["2026-03-02", "12", "live", "not-ended", "the hour has not ended"],
        ["4", "hours,", "3", "of", "them live"],
    ]


def test_hours_are_printed_as_json_for_scripts(harness, tmp_path, monkeypatch):
    monkeypatch.delenv("WAREHOUSE")
    done = run(
        "--from", "2026-03-02", "--to", "2026-03-02", "--json", "--warehouse", f"delta:{tmp_path}"
    )
    document = json.loads(done.stdout)
    assert document["versions"]["analytics.session_events"] == 1
    assert len(document["hours"]) == 24
    assert document["hours"][10:12] == [
        {
            "hour": "2026-03-02T10:00:00.000Z",
            "source": "live",
            "reason": "late-data",
            "detail": "analytics.session_events has changed",
        },
        {
            "hour": "2026-03-02T11:00:00.000Z",
            "source": "stored",
            "reason": None,
            "detail": None,
        },
    ]


def test_a_wrong_range_is_wrong_use(harness):
    done = run("--from", "2026-03-02T11", "--to", "2026-03-02T10")
    assert done.exit_code == 2
    assert "'2026-03-02T10' is before '2026-03-02T11'" in done.stderr
