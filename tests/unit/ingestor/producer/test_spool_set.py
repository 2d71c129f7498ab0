import os
import shutil
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import spool_set as module
from classwaves_ingestor.producer.errors import SpoolUnavailable
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.spool import Spool
from classwaves_ingestor.producer.spool_lock import SpoolLock
from classwaves_ingestor.producer.spool_set import SpoolSet
from classwaves_ingestor.producer.wal import is_damaged, wal_of
from classwaves_runtime.clock import ManualClock
from tests.support.publishing import TOPIC


@pytest.fixture
def clock():
    return ManualClock(datetime(2025, 9, 15, tzinfo=UTC))


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def spools(request, tmp_path, clock, registry):
    """Spools of one process; parametrize to change the limits."""
    limits = getattr(request, "param", {})
    spools = SpoolSet(
        tmp_path / "spools", 10_000, TOPIC, PublisherMetrics(registry), clock, **limits
    )
    yield spools
    spools.close()


def orphan(folder, name, *values):
    folder.mkdir(exist_ok=True)
    spool = Spool(folder / f"{name}.spool", 10_000, TOPIC)
    for value in values:
        spool.append("s", value, 1.0)
    spool.close()


def killed(folder, name, *values):
    """An orphan of a killed process: all its events are in SQLite's log."""
    folder.mkdir(exist_ok=True)
    spool = Spool(folder / "living", 10_000, TOPIC)
    for value in values:
        spool.append("s", value, 1.0)
    path = folder / f"{name}.spool"
    shutil.copyfile(spool.path, path)
    shutil.copyfile(wal_of(spool.path), wal_of(path))
    spool.close()
    spool.path.unlink()
    return path


def contents(spools):
    return [[event.value for event in held.spool.read(100)] for held in spools.spools()]


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def failing(error):
    """A function that always raises this error."""

    def fail(*_):
        raise error

    return fail


TWO_AT_ONCE = pytest.mark.parametrize("spools", [{"adopted_at_once": 2}], indirect=True)


def test_orphans_come_oldest_first_and_the_own_spool_last(spools, tmp_path):
    spools.own_spool().append("s", b"own", 1.0)
    orphan(tmp_path / "spools", "2", b"2")
    orphan(tmp_path / "spools", "1", b"1")
    spools.adopt()
    assert contents(spools) == [[b"1"], [b"2"], [b"own"]]


def test_a_finished_orphan_is_removed_and_the_own_spool_stays(spools, tmp_path):
    own = spools.own_spool()
    orphan(tmp_path / "spools", "1")
    spools.adopt()
    spools.finish(spools.spools()[0])
    assert [held.spool for held in spools.spools()] == [own]
    assert not [each for each in names(tmp_path / "spools") if each.startswith("1")]


def test_an_orphan_left_with_events_is_adopted_by_the_next_process_not_by_this_one(
    spools, clock, tmp_path
):
    orphan(tmp_path / "spools", "1", b"refused")
    spools.adopt()
    (held,) = spools.spools()
    held.spool.read(10)
    spools.finish(held)
    clock.advance(30)
    spools.adopt()
    assert spools.spools() == []
    assert spools.skipped() == 1
    lock = SpoolLock.take(tmp_path / "spools" / "1.spool")
    assert lock is not None
    lock.release()


@TWO_AT_ONCE
def test_the_number_of_orphans_adopted_at_once_is_limited(spools, tmp_path):
    for number in range(3):
        orphan(tmp_path / "spools", number, b"%d" % number)
    spools.adopt()
    assert contents(spools) == [[b"0"], [b"1"]]


@TWO_AT_ONCE
def test_an_orphan_beyond_the_limit_is_adopted_once_there_is_room(spools, tmp_path):
    for number in range(3):
        orphan(tmp_path / "spools", number)
    spools.adopt()
    last = tmp_path / "spools" / "2.spool"
    assert last not in [held.spool.path for held in spools.spools()]
    spools.finish(spools.spools()[0])
    assert last in [held.spool.path for held in spools.spools()]


def test_a_lock_file_without_a_spool_is_removed(spools, tmp_path):
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.lock").touch()
    spools.adopt()
    assert names(tmp_path / "spools") == []


def test_a_damaged_own_spool_is_set_aside_with_its_intact_events_kept_and_a_new_one_begins(
    spools, tmp_path
):
    own = spools.own_spool()
    own.append("s", b"intact", 1.0)
    own.append("s", b"damaged", 1.0)
    own._writer.execute("UPDATE events SET value = x'00' WHERE position = 2")
    spools.set_aside(spools.spools()[0])
    assert spools.own_spool() is not own
    assert contents(spools) == [[b"intact"], []]
    assert own.path.with_suffix(".corrupt").exists()


def test_an_orphan_with_a_damaged_log_is_copied_and_adopted_up_to_the_damage(
    spools, tmp_path, registry, caplog
):
    path = killed(tmp_path / "spools", "1", *(b"event %d" % number for number in range(9)))
    damaged = bytearray(wal_of(path).read_bytes())
    damaged[damaged.index(b"event 4")] ^= 1
    wal_of(path).write_bytes(damaged)
    spools.adopt()
    ((*found,),) = contents(spools)
    assert found == [b"event %d" % number for number in range(4)]
    assert (tmp_path / "spools" / "1.corrupt-wal").read_bytes() == damaged
    assert (tmp_path / "spools" / "1.corrupt").exists()
    assert registry.get_sample_value("ingestor_publisher_corrupt_spools_total") == 1
    assert "write-ahead log of a spool is damaged" in caplog.text
    assert not is_damaged(wal_of(path))


def test_an_orphan_with_a_torn_last_write_is_adopted_without_a_warning(spools, tmp_path, caplog):
    path = killed(tmp_path / "spools", "1", b"0", b"1", b"2")
    wal_of(path).write_bytes(wal_of(path).read_bytes()[:-1000])
    spools.adopt()
    assert contents(spools) == [[b"0", b"1"]]
    assert "damaged" not in caplog.text


def test_an_orphan_with_a_damaged_log_waits_unchanged_if_it_cannot_be_copied(
    spools, clock, tmp_path, monkeypatch
):
    path = killed(tmp_path / "spools", "1", *(b"event %d" % number for number in range(9)))
    damaged = bytearray(wal_of(path).read_bytes())
    damaged[damaged.index(b"event 4")] ^= 1
    wal_of(path).write_bytes(damaged)
    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", failing(OSError(28, "No space left on device")))
        spools.adopt()
    assert spools.spools() == []
    assert wal_of(path).read_bytes() == damaged
    clock.advance(30)
    spools.adopt()
    assert len(spools.spools()) == 1


def test_a_damaged_spool_waits_while_another_process_has_its_salvaged_events(spools, tmp_path):
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.spool").write_bytes(b"garbage" * 1000)
    other = SpoolLock.take(tmp_path / "spools" / "1-salvaged.spool")
    spools.adopt()
    assert spools.spools() == []
    other.release()
    spools.adopt()
    spools.adopt()
    assert "1.corrupt" in names(tmp_path / "spools")


def test_a_damaged_spool_that_cannot_be_set_aside_stays_and_is_logged(
    spools, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(SpoolLock, "set_aside", failing(PermissionError(13, "Permission denied")))
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.spool").write_bytes(b"garbage" * 1000)
    spools.adopt()
    assert spools.spools() == []
    assert (tmp_path / "spools" / "1.spool").exists()
    assert "cannot be adopted for now" in caplog.text


def test_a_failed_adoption_is_retried_later(spools, clock, tmp_path, monkeypatch):
    orphan(tmp_path / "spools", "1", b"1")
    with monkeypatch.context() as full:
        full.setattr(module, "Spool", failing(SpoolUnavailable("disk is full")))
        spools.adopt()
    assert spools.skipped() == 1
    spools.adopt()
    assert spools.spools() == []
    clock.advance(30)
    spools.adopt()
    assert contents(spools) == [[b"1"]]
    assert spools.skipped() == 0


def test_an_orphan_that_cannot_be_locked_is_retried_later(spools, clock, tmp_path, monkeypatch):
    orphan(tmp_path / "spools", "1", b"1")
    with monkeypatch.context() as exhausted:
        exhausted.setattr(SpoolLock, "take", failing(OSError(24, "Too many open files")))
        spools.adopt()
    clock.advance(30)
    spools.adopt()
    assert contents(spools) == [[b"1"]]


def test_a_damaged_spool_that_could_not_be_set_aside_is_set_aside_later(
    spools, clock, tmp_path, monkeypatch
):
    spools.own_spool().append("s", b"intact", 1.0)
    path = spools.own_spool().path
    with monkeypatch.context() as read_only:
        read_only.setattr(SpoolLock, "set_aside", failing(OSError(30, "Read-only file system")))
        spools.set_aside(spools.spools()[0])
    assert path.exists()
    clock.advance(30)
    spools.adopt()
    assert contents(spools) == [[b"intact"]]


def test_a_damaged_spool_waits_if_its_salvaged_events_cannot_be_locked(
    spools, clock, tmp_path, monkeypatch
):
    take = SpoolLock.take

    def refused(path):
        if "salvaged" in path.name:
            raise OSError(24, "Too many open files")
        return take(path)

    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.spool").write_bytes(b"garbage" * 1000)
    with monkeypatch.context() as exhausted:
        exhausted.setattr(SpoolLock, "take", refused)
        spools.adopt()
    assert spools.skipped() == 1
    clock.advance(30)
    spools.adopt()
    spools.adopt()
    assert "1.corrupt" in names(tmp_path / "spools")
    assert spools.skipped() == 0


def test_salvaged_events_that_cannot_be_opened_are_retried_later(
    spools, clock, tmp_path, monkeypatch
):
    def refused(path, max_bytes, topic):
        if "salvaged" in path.name:
            raise SpoolUnavailable("too many open files")
        return Spool(path, max_bytes, topic)

    spools.own_spool().append("s", b"intact", 1.0)
    with monkeypatch.context() as exhausted:
        exhausted.setattr(module, "Spool", refused)
        spools.set_aside(spools.spools()[0])
    clock.advance(30)
    spools.adopt()
    assert contents(spools) == [[b"intact"]]


def test_an_orphan_that_another_process_adopts_no_longer_counts_as_left(
    spools, clock, tmp_path, monkeypatch
):
    for name in ("1", "2"):
        orphan(tmp_path / "spools", name, b"1")
    monkeypatch.setattr(module, "Spool", failing(SpoolUnavailable("disk is full")))
    spools.adopt()
    assert spools.skipped() == 2
    SpoolLock.take(tmp_path / "spools" / "1.spool").discard()
    other = SpoolLock.take(tmp_path / "spools" / "2.spool")
    clock.advance(30)
    spools.adopt()
    assert spools.skipped() == 0
    other.release()


def test_a_spool_that_cannot_be_locked_is_logged_once(spools, clock, tmp_path, caplog):
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.lock").mkdir()
    spools.adopt()
    clock.advance(30)
    spools.adopt()
    assert caplog.text.count("A spool cannot be adopted for now") == 1


def test_a_spool_that_cannot_be_removed_is_removed_later(
    spools, clock, tmp_path, monkeypatch, caplog
):
    orphan(tmp_path / "spools", "1")
    spools.adopt()
    monkeypatch.setattr(SpoolLock, "discard", failing(PermissionError(13, "Permission denied")))
    spools.finish(spools.spools()[0])
    monkeypatch.undo()
    assert spools.spools() == []
    assert caplog.records[-1].reason == "[Errno 13] Permission denied"
    clock.advance(30)
    spools.adopt()
    spools.finish(spools.spools()[0])
    assert names(tmp_path / "spools") == []


def test_the_creation_of_a_spool_is_retried_after_a_second_not_at_each_event(
    spools, clock, tmp_path, monkeypatch
):
    attempts = []

    def refused(path, max_bytes, topic):
        attempts.append(path)
        raise SpoolUnavailable("no room")

    monkeypatch.setattr(module, "Spool", refused)
    for _ in range(5):
        with pytest.raises(SpoolUnavailable, match="no room"):
            spools.own_spool()
    assert len(attempts) == 1
    assert names(tmp_path / "spools") == []
    monkeypatch.undo()
    clock.advance(1.1)
    assert spools.own_spool().events == 0


def test_a_retired_spool_accepts_no_event_and_its_retirement_is_logged_once(spools):
    own = spools.own_spool()
    assert spools.retire(own)
    assert not spools.retire(own)
    with pytest.raises(SpoolUnavailable):
        own.append("s", b"late", 1.0)


def test_after_a_fork_the_spools_belong_to_the_parent_alone(spools, tmp_path):
    orphan(tmp_path / "spools", "1", b"1")
    own = spools.own_spool()
    spools.adopt()
    child = os.fork()
    if child == 0:
        spools.after_fork_in_child()
        os._exit(0 if SpoolLock.take(own.path) is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_lock_file_that_a_sibling_removed_before_we_locked_it_is_created_again(
    spools, monkeypatch
):
    take, swept = SpoolLock.take, []

    def too_late(path):
        if not swept:
            swept.append(path)
            return None
        return take(path)

    monkeypatch.setattr(SpoolLock, "take", too_late)
    assert spools.own_spool().path not in swept


def test_the_spool_of_a_further_lane_is_retired_alone_and_sent_first(spools):
    first, second = spools.own_spool(), spools.own_spool(1)
    first.append("s", b"first", 1.0)
    second.append("s", b"second", 1.0)
    assert contents(spools) == [[b"second"], [b"first"]]
    assert spools.retire(second)
    assert spools.own_spool() is first
    assert spools.own_spool(1) is not second
    assert second.sealed
