"""A spool on a disk that is full, read-only, or fails."""

import json
import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import EventPublisher, MemoryTransport
from classwaves_ingestor.producer.spool import Spool
from tests.support.publishing import QUICK, settings
from tests.support.waiting import wait_until

SERVICE = """
import sys
from pathlib import Path
from classwaves_ingestor.producer import EventPublisher, MemoryTransport, PublisherSettings, SpoolUnavailable
from tests.support.publishing import QUICK, first_sequences, told
from tests.support.waiting import wait_until

folder, prepare, repair = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
topic = MemoryTransport()
topic.away = True
exec(prepare)
settings = PublisherSettings(kafka={"bootstrap.servers": "x"}, spool_folder=folder / "spool")
publisher = EventPublisher(settings, component="c", connect=topic.connect, policy=QUICK)
event = {"session_id": "s", "teacher_id": "t", "payload": {"totalGroups": 4}}
ids, faults = [], 0
for _ in range(20_000):
    try:
        ids.append(publisher.emit("started", **event))
    except SpoolUnavailable as error:
        faults += 1
        message = str(error)
        if faults == 20:
            break
assert faults == 20, faults
taken = len(ids)
topic.away = False
exec(repair)
assert publisher.flush(30) == 0
def goes_on():
    try:
        ids.append(publisher.emit("ended", **event))
        return True
    except SpoolUnavailable:
        return False
wait_until(goes_on, "it can be emitted again")
assert publisher.flush(30) == 0
wait_until(lambda: len(topic.messages) >= len(ids), "all arrive")
found = {each["id"] for each in told(topic.messages)}
assert set(ids) <= found, len(set(ids) - found)
assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in first_sequences(told(topic.messages)).values())
publisher.close()
print(taken, message)
"""
LIMITED = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))"
)
UNLIMITED = (
    "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))"
)


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False
        ).returncode
    ):
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def emit(folder, prepare="", repair=""):
    """Emit until 20 faults, repair, and check that all that was taken arrives. Returns how much, and the last fault."""
    run = subprocess.run(
        [sys.executable, "-c", SERVICE, folder, prepare, repair],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    taken, message = run.stdout.strip().split(" ", 1)
    return int(taken), message


def test_on_a_full_disk_emit_says_so_nothing_taken_is_lost_and_it_goes_on_by_itself(disk):
    taken, message = emit(disk)
    assert taken > 20
    assert "disk is full" in message
    assert "SPOOL_FOLDER" in message


def test_where_files_may_not_grow_emit_says_so_and_nothing_taken_is_lost(tmp_path):
    taken, message = emit(tmp_path, LIMITED, UNLIMITED)
    assert taken > 20
    assert "SPOOL_FOLDER" in message


def test_an_orphan_on_a_read_only_disk_is_sent_once_it_can_be_written(disk, monkeypatch):
    def left():
        return registry.get_sample_value("ingestor_publisher_left_spools")

    monkeypatch.setattr("classwaves_ingestor.producer.spool_set._POSTPONED_SECONDS", 0.1)
    (disk / "spool").mkdir()
    orphan = Spool(disk / "spool" / "0.spool", 1000)
    orphan.append("s", b"{}", 1.0)
    orphan.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    topic, registry = MemoryTransport(), CollectorRegistry()
    with EventPublisher(
        settings(disk / "spool"),
        component="test",
        registry=registry,
        connect=topic.connect,
        policy=QUICK,
    ):
        wait_until(lambda: left() == 1, "it is postponed")
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        wait_until(lambda: topic.messages, "it is sent")
        wait_until(lambda: left() == 0, "nothing is left")


def test_on_a_read_only_disk_emit_says_so_and_goes_on_once_it_can_be_written(disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    writable = f"import subprocess; subprocess.run(['mount', '-o', 'remount,rw', {json.dumps(str(disk))}], check=True)"
    taken, message = emit(disk, repair=writable)
    assert taken == 0
    assert "Read-only file system" in message
