import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from classwaves_ingestor.producer.spool_lock import SpoolLock, unlocked_spools

HOLD = """
import sys
from pathlib import Path
from pathlib import Path
from classwaves_ingestor.producer.spool_lock import SpoolLock
lock = SpoolLock.take(Path(sys.argv[1]))
print("mine", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.spool"
    path.write_bytes(b"events")
    return path


def test_a_lock_is_exclusive_until_it_is_released(path):
    lock = SpoolLock.take(path)
    assert SpoolLock.take(path) is None
    lock.release()
    again = SpoolLock.take(path)
    assert again is not None
    again.release()


def test_a_killed_process_releases_its_lock(path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout.readline() == b"mine\n"
        assert SpoolLock.take(path) is None
        owner.kill()
        owner.wait()
        lock = SpoolLock.take(path)
        assert lock is not None
        lock.release()


def test_a_discarded_spool_leaves_no_file(path):
    path.with_name("a.spool-wal").touch()
    SpoolLock.take(path).discard()
    assert list(path.parent.iterdir()) == []


def test_a_lock_on_a_just_discarded_spool_is_not_taken(path, monkeypatch):
    first = SpoolLock.take(path)
    lock = os.open(
        path.with_suffix(".lock"), os.O_RDWR
    )  # like another process that opened the file just before
    first.discard()
    monkeypatch.setattr(os, "open", lambda *_: lock)
    assert SpoolLock.take(path) is None


def test_a_spool_that_was_set_aside_is_not_an_orphan(path):
    aside = SpoolLock.take(path).set_aside()
    assert aside.read_bytes() == b"events"
    assert unlocked_spools(path.parent) == []


def test_orphans_are_listed_oldest_first_including_those_with_only_a_lock_file(tmp_path):
    for name in ("2.lock", "1.spool", "1.lock", "3.spool", "0.corrupt", "1.spool-wal"):
        (tmp_path / name).touch()
    assert [each.name for each in unlocked_spools(tmp_path)] == ["1.spool", "2.spool", "3.spool"]


def test_another_lock_error_is_raised_and_leaks_no_file(path, monkeypatch):
    def no_locks(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="not implemented"):
        SpoolLock.take(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
