"""The demo by its output, its exit code and its folder."""

import os
import pty
import re
import signal
import subprocess
import sys

import duckdb
import pytest
from deltalake import DeltaTable

from classwaves_schemas.envelope import EventType
from tests.e2e.screen import DEMO, Shown, gone_within, processes_of, size


def demo(folder, seconds, **changes):
    environ = {**os.environ, "DEMO_SECONDS": str(seconds), "DEMO_FOLDER": str(folder), **changes}
    return subprocess.run(
        DEMO, env=environ, capture_output=True, text=True, check=False, timeout=240
    )


@pytest.fixture(scope="module")
def played(kafka, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "folder"
    return folder, demo(folder, seconds=12)


def test_it_ends_well_with_nothing_missing_and_nothing_twice(played):
    _, done = played
    assert done.returncode == 0, done.stdout + done.stderr
    assert "missing 0, twice 0" in done.stdout
    assert "NO " not in done.stdout
    assert done.stdout.splitlines()[-1].endswith(
        "Proven: no event is missing, no event is stored twice."
    )


def test_it_shows_what_its_hours_come_to(played):
    _, done = played
    assert re.search(
        r"\d{4}-\d\d-\d\dT\d\d (done|computed) in [\d.]+ s: [1-6] rows from \d+ facts, "
        r"0 events without a school",
        done.stdout,
    )
    assert re.search(
        r"schools [1-6]   sessions [\d,]+   completed [\d,]+   teachers \d+   students [\d,]+",
        done.stdout,
    )


def test_it_says_which_broker_it_got(played, kafka):
    _, done = played
    assert f"Kafka: {kafka.product}" in done.stdout.splitlines()[0]


@pytest.mark.parametrize(
    "who", [r"consumer-\d \(process \d+\)", r"[a-z]+-[a-z]+-\d \(process \d+\)"]
)
def test_it_kills_a_consumer_and_a_producer_and_brings_them_back(played, who):
    _, done = played
    name = re.search(rf"SIGKILL: ({who})", done.stdout)
    assert name is not None
    assert re.search(
        rf"SIGKILL: {name[1].split()[0]}[\s\S]*{name[1].split()[0]} \(process \d+\) starts again",
        done.stdout,
    )


def test_it_kills_the_broker_if_it_is_its_own(played):
    _, done = played
    own = "Maven jars" in done.stdout.splitlines()[0]
    assert bool(re.search(r"SIGKILL: the broker[\s\S]*the broker starts again", done.stdout)) == own
    assert ("The broker is not killed" in done.stdout) != own


def test_every_event_whose_id_emit_returned_is_among_those_that_are_proven(played):
    folder, done = played
    returned = {
        line.split(",")[1]
        for journal in (folder / "journals").iterdir()
        for line in journal.read_text().splitlines()
        if line.endswith(",returned")
    }
    assert f"emit had returned {len(returned):,}," in done.stdout
    events = DeltaTable(folder / "warehouse" / "analytics" / "session_events").to_pyarrow_table(
        columns=["id"]
    )
    assert returned <= set(events["id"].to_pylist())
    assert list((folder / "spools").rglob("*.spool")) == []


def test_it_leaves_no_process_behind(played):
    folder, _ = played
    assert processes_of(folder) == []


def test_another_engine_finds_in_the_table_what_the_demo_says(played):
    folder, done = played
    events = DeltaTable(folder / "warehouse" / "analytics" / "session_events").to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("events", events)
        rows, identities, partitions = connection.execute(
            "SELECT count(*), count(DISTINCT (session_id, id)), "
            "count(DISTINCT kafka_partition) FROM events"
        ).fetchone()
        types = {
            event_type
            for (event_type,) in connection.execute(
                "SELECT DISTINCT event_type FROM events"
            ).fetchall()
        }
    proven = re.search(r"every one of ([\d,]+) valid events", done.stdout)
    unanswered = re.search(r"([\d,]+) that emit had not returned", done.stdout)
    assert proven is not None
    assert unanswered is not None
    said = sum(int(found[1].replace(",", "")) for found in (proven, unanswered))
    assert rows == identities == said
    assert types == set(EventType)
    assert partitions > 1


def test_the_timeline_that_it_shows_can_be_shown_again_without_a_broker(played):
    folder, done = played
    session = re.search(r"analytics timeline (\S+)$", done.stdout, re.MULTILINE)
    assert session is not None
    command = [
        sys.executable,
        "-c",
        "from classwaves_analytics.cli import app; app()",
        "timeline",
        session[1],
    ]
    environ = {**os.environ, "WAREHOUSE": f"delta:{folder / 'warehouse'}"}
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert "configured" in shown
    assert "ended" in shown


def test_it_works_with_a_mock_where_nothing_better_runs_and_says_so(tmp_path):
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "cat").symlink_to("/bin/cat")
    done = demo(
        tmp_path / "demo", 8, PATH=str(bare), JAVA_HOME=str(tmp_path), KAFKA_BOOTSTRAP_SERVERS=""
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mock cluster, no real broker," in done.stdout.splitlines()[0]
    assert "The broker is not killed" in done.stdout
    assert "missing 0, twice 0" in done.stdout


@pytest.mark.parametrize(
    ("ending", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_it_leaves_no_process_behind_when_it_is_interrupted(tmp_path, ending, code):
    folder = tmp_path / "demo"
    environ = {**os.environ, "DEMO_SECONDS": "60", "DEMO_FOLDER": str(folder)}
    with subprocess.Popen(DEMO, env=environ, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert any(re.search(r"stored +[1-9]", line) for line in running.stdout)
        assert len(processes_of(folder)) > 7
        running.send_signal(ending)
        assert running.wait(30) == code
    assert gone_within(folder, 10) == []


def test_chaos_that_is_off_kills_nothing(tmp_path):
    done = demo(tmp_path / "demo", 5, DEMO_CHAOS="off")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SIGKILL" not in done.stdout


def test_in_a_terminal_keys_kill_a_consumer_a_producer_and_the_broker_and_end_the_day(
    tmp_path, own_broker
):
    own_broker.close()  # it only showed that this machine can run one
    environ = {
        **os.environ,
        "DEMO_SECONDS": "60",
        "DEMO_FOLDER": str(tmp_path / "demo"),
        "DEMO_CHAOS": "off",
    }
    environ |= {"TERM": "xterm-256color", "KAFKA_BOOTSTRAP_SERVERS": ""}
    terminal, end = pty.openpty()
    size(end, lines=24, columns=80)
    with subprocess.Popen(
        DEMO, env=environ, stdin=end, stdout=end, stderr=end, start_new_session=True
    ) as running:
        os.close(end)
        shown = Shown(terminal)
        shown.wait_for(r"stored in table +[1-9]")
        for key, words in [
            (b"c", r"SIGKILL: consumer-\d"),
            (b"p", r"SIGKILL: [a-z]+-[a-z]+-\d"),
            (b"b", r"SIGKILL: the broker"),
            (b"q", r"cut short"),
        ]:
            os.write(terminal, key)
            shown.wait_for(words)
        shown.wait_for(r"Proven: no event is missing, no event is stored twice\.")
        assert running.wait(30) == 0
    os.close(terminal)
    assert gone_within(tmp_path / "demo", 10) == []


def test_a_folder_that_is_in_use_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    done = demo(tmp_path, 1)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "is not empty" in done.stderr
