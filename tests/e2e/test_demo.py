"""The demo as a newcomer meets it: one command, and nothing but its output, its exit code and its folder to go by."""

import os
import re
import signal
import subprocess
import sys
import time

import duckdb
import pytest
from deltalake import DeltaTable

from classwaves_schemas.envelope import EventType

DEMO = [sys.executable, "-m", "demo"]


def demo(folder, seconds, **changes):
    environ = {**os.environ, "DEMO_SECONDS": str(seconds), "DEMO_FOLDER": str(folder), **changes}
    return subprocess.run(DEMO, env=environ, capture_output=True, text=True, check=False, timeout=240)


def processes_of(folder):
    """Every process of a demo carries the folder's name in its environment."""
    listed = subprocess.run(
        ["ps", "axeww", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in listed.splitlines() if f"DEMO_FOLDER={folder}" in line and " Z" not in line[:20]]


def gone_within(folder, seconds):
    deadline = time.monotonic() + seconds
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.fixture(scope="module")
def played(kafka, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "folder"
    return folder, demo(folder, seconds=12)


def test_it_ends_well_with_nothing_missing_and_nothing_twice(played):
    _, done = played
    assert done.returncode == 0, done.stdout + done.stderr
    assert "missing 0, twice 0" in done.stdout
    assert "NO " not in done.stdout
    assert done.stdout.splitlines()[-1].endswith("Proven: nothing is missing, nothing is there twice.")


def test_it_says_which_broker_it_got(played, kafka):
    _, done = played
    assert f"Kafka: {kafka.product}" in done.stdout.splitlines()[0]


def test_it_kills_a_consumer_and_brings_it_back(played):
    _, done = played
    assert re.search(r"SIGKILL: consumer 2 \(process \d+\)[\s\S]*Consumer 2 starts again", done.stdout)


def test_it_leaves_no_process_behind(played):
    folder, _ = played
    assert processes_of(folder) == []


def test_another_engine_finds_in_the_table_what_the_demo_says(played):
    folder, done = played
    events = DeltaTable(folder / "warehouse" / "analytics" / "session_events").to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("events", events)
        rows, identities, partitions = connection.execute(
            "SELECT count(*), count(DISTINCT (session_id, id)), count(DISTINCT kafka_partition) FROM events"
        ).fetchone()
        types = {
            event_type for (event_type,) in connection.execute("SELECT DISTINCT event_type FROM events").fetchall()
        }
    told = re.search(r"every one of ([\d,]+) valid events", done.stdout)
    assert told is not None
    assert rows == identities == int(told[1].replace(",", ""))
    assert types == set(EventType)
    assert partitions > 1


def test_the_timeline_that_it_shows_can_be_shown_again_without_a_broker(played):
    folder, done = played
    session = re.search(r"analytics timeline (\S+)$", done.stdout, re.MULTILINE)
    assert session is not None
    command = [sys.executable, "-c", "from analytics.cli import app; app()", "timeline", session[1]]
    environ = {**os.environ, "WAREHOUSE": f"delta:{folder / 'warehouse'}"}
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert "configured" in shown
    assert "ended" in shown


def test_it_works_with_a_mock_where_nothing_better_runs_and_says_so(tmp_path):
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "cat").symlink_to("/bin/cat")
    done = demo(tmp_path / "demo", 8, PATH=str(bare), JAVA_HOME=str(tmp_path), KAFKA_BOOTSTRAP_SERVERS="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mock cluster, no real broker," in done.stdout.splitlines()[0]
    assert "missing 0, twice 0" in done.stdout


@pytest.mark.parametrize(
    ("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_it_leaves_no_process_behind_when_it_is_interrupted(tmp_path, ending, code):
    folder = tmp_path / "demo"
    environ = {**os.environ, "DEMO_SECONDS": "60", "DEMO_FOLDER": str(folder)}
    with subprocess.Popen(DEMO, env=environ, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert any(re.search(r"stored +[1-9]", line) for line in running.stdout)
        assert len(processes_of(folder)) > 6
        running.send_signal(ending)
        assert running.wait(30) == code
    assert gone_within(folder, 10) == []


def test_a_folder_that_is_in_use_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    done = demo(tmp_path, 1)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "is not empty" in done.stderr
