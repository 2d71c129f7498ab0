"""A spool on a disk that is full, read-only, or fails."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import EventPublisher, MemoryTransport
from classwaves_ingestor.producer.spool import Spool
from tests.support.publishing import QUICK, TOPIC, settings
from tests.support.waiting import wait_until

SERVICE = """
import sys
from pathlib import Path
from classwaves_ingestor.producer import EventPublisher, MemoryTransport, SpoolUnavailable
from tests.support.publishing import EVENT, QUICK, decode, sequences_by_source, settings
from tests.support.waiting import wait_until

folder, prepare, repair = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
topic = MemoryTransport()
topic.away = True
exec(prepare)
publisher = EventPublisher(
    settings(folder / "spool"), component="c", connect=topic.connect, policy=QUICK
)
event = {**EVENT, "payload": {"totalGroups": 4}}
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
accepted = len(ids)
topic.away = False
exec(repair)
assert publisher.flush(30) == 0
def emits():
    try:
        ids.append(publisher.emit("ended", **event))
        return True
    except SpoolUnavailable:
        return False
wait_until(emits, "it can be emitted again")
assert publisher.flush(30) == 0
wait_until(lambda: len(topic.messages) >= len(ids), "all arrive")
events = decode(topic.messages)
found = {each["id"] for each in events}
assert set(ids) <= found, len(set(ids) - found)
for numbers in sequences_by_source(events).values():
    assert numbers == list(range(1, len(numbers) + 1))
publisher.close()
print(accepted, message)
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
    """Emit until 20 errors, repair, and check that every accepted event arrives.

    Returns:
        Number of events accepted before the repair, and the last error.
    """
    run = subprocess.run(
        [sys.executable, "-c", SERVICE, folder, prepare, repair],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    accepted, message = run.stdout.strip().split(" ", 1)
    return int(accepted), message


def test_a_full_disk_is_reported_loses_no_accepted_event_and_needs_no_restart(disk):
    accepted, message = emit(disk)
    assert accepted > 20
    assert "disk is full" in message
    assert "SPOOL_FOLDER" in message


def test_a_file_size_limit_is_reported_and_loses_no_accepted_event(tmp_path):
    accepted, message = emit(tmp_path, LIMITED, UNLIMITED)
    assert accepted > 20
    assert "SPOOL_FOLDER" in message


def test_an_orphan_on_a_read_only_disk_is_sent_once_the_disk_is_writable(disk):
    def left():
        return registry.get_sample_value("ingestor_publisher_left_spools")

    (disk / "spool").mkdir()
    orphan = Spool(disk / "spool" / "0.spool", 1000, TOPIC)
    orphan.append("s", b"{}", 1.0)
    orphan.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    topic, registry = MemoryTransport(), CollectorRegistry()
    with EventPublisher(
        settings(disk / "spool"),
        component="test",
        registry=registry,
        connect=topic.connect,
        policy=replace(QUICK, adopt_retry_seconds=0.1),
    ):
        wait_until(lambda: left() == 1, "it is postponed")
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        wait_until(lambda: topic.messages, "it is sent")
        wait_until(lambda: left() == 0, "nothing is left")


def test_a_read_only_disk_is_reported_and_emit_works_once_the_disk_is_writable(disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    remount = f"subprocess.run(['mount', '-o', 'remount,rw', {str(disk)!r}], check=True)"
    accepted, message = emit(disk, repair=f"import subprocess; {remount}")
    assert accepted == 0
    assert "Read-only file system" in message
