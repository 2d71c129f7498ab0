import os
import shutil
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import backlog as module
from classwaves_ingestor.producer.backlog import Backlog
from classwaves_ingestor.producer.claim import Claim
from classwaves_ingestor.producer.errors import SpoolUnavailable
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.spool import Spool
from classwaves_ingestor.producer.wal import is_damaged, wal_of
from classwaves_runtime.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock(datetime(2025, 9, 15, tzinfo=UTC))


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def backlog(tmp_path, clock, registry):
    backlog = Backlog(tmp_path / "spools", 10_000, PublisherMetrics(registry), clock)
    yield backlog
    backlog.close()


def orphan(folder, name, *values):
    folder.mkdir(exist_ok=True)
    spool = Spool(folder / f"{name}.spool", 10_000)
    for value in values:
        spool.append("s", value, 1.0)
    spool.close()


def killed(folder, name, *values):
    """An orphan whose owner was killed: all of it is in SQLite's log."""
    folder.mkdir(exist_ok=True)
    spool = Spool(folder / "living", 10_000)
    for value in values:
        spool.append("s", value, 1.0)
    path = folder / f"{name}.spool"
    shutil.copyfile(spool.path, path)
    shutil.copyfile(wal_of(spool.path), wal_of(path))
    spool.close()
    spool.path.unlink()
    return path


def contents(backlog):
    return [[event.value for event in held.spool.read(100)] for held in backlog.spools()]


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_orphans_come_oldest_first_and_the_own_spool_last(backlog, tmp_path):
    backlog.own().append("s", b"own", 1.0)
    orphan(tmp_path / "spools", "2", b"2")
    orphan(tmp_path / "spools", "1", b"1")
    backlog.adopt()
    assert contents(backlog) == [[b"1"], [b"2"], [b"own"]]


def test_an_orphan_that_is_finished_is_gone_and_the_own_spool_stays(backlog, tmp_path):
    own = backlog.own()
    orphan(tmp_path / "spools", "1")
    backlog.adopt()
    backlog.finish(backlog.spools()[0])
    assert [held.spool for held in backlog.spools()] == [own]
    assert not [each for each in names(tmp_path / "spools") if each.startswith("1")]


def test_an_orphan_that_is_left_with_events_is_for_the_next_process_not_for_this_one(
    backlog, clock, tmp_path
):
    orphan(tmp_path / "spools", "1", b"refused")
    backlog.adopt()
    (held,) = backlog.spools()
    held.spool.read(10)
    backlog.finish(held)
    clock.advance(30)
    backlog.adopt()
    assert backlog.spools() == []
    assert backlog.left() == 1
    claim = Claim.take(tmp_path / "spools" / "1.spool")
    assert claim is not None
    claim.release()


def test_only_so_many_orphans_are_held_at_once(backlog, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ADOPTED_AT_ONCE", 2)
    for number in range(3):
        orphan(tmp_path / "spools", number, b"%d" % number)
    backlog.adopt()
    assert contents(backlog) == [[b"0"], [b"1"]]


def test_an_orphan_for_which_there_was_no_room_is_adopted_as_soon_as_there_is(
    backlog, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "ADOPTED_AT_ONCE", 2)
    for number in range(3):
        orphan(tmp_path / "spools", number)
    backlog.adopt()
    last = tmp_path / "spools" / "2.spool"
    assert last not in [held.spool.path for held in backlog.spools()]
    backlog.finish(backlog.spools()[0])
    assert last in [held.spool.path for held in backlog.spools()]


def test_a_lock_whose_spool_is_gone_is_swept_up(backlog, tmp_path):
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.lock").touch()
    backlog.adopt()
    assert names(tmp_path / "spools") == []


def test_an_own_spool_that_is_damaged_is_set_aside_what_is_intact_is_kept_and_another_begins(
    backlog, tmp_path
):
    own = backlog.own()
    own.append("s", b"intact", 1.0)
    own.append("s", b"damaged", 1.0)
    own._writer.execute("UPDATE events SET value = x'00' WHERE position = 2")
    backlog.set_aside(backlog.spools()[0])
    assert backlog.own() is not own
    assert contents(backlog) == [[b"intact"], []]
    assert own.path.with_suffix(".corrupt").exists()


def test_of_an_orphan_with_a_damaged_log_a_copy_is_kept_and_what_is_in_front_of_the_damage_is_adopted(
    backlog, tmp_path, registry, caplog
):
    path = killed(tmp_path / "spools", "1", *(b"%d" % number for number in range(9)))
    damaged = bytearray(wal_of(path).read_bytes())
    damaged[damaged.index(b"s4")] ^= 1
    wal_of(path).write_bytes(damaged)
    backlog.adopt()
    ((*found,),) = contents(backlog)
    assert found == [b"0", b"1", b"2", b"3"]
    assert (tmp_path / "spools" / "1.corrupt-wal").read_bytes() == damaged
    assert (tmp_path / "spools" / "1.corrupt").exists()
    assert registry.get_sample_value("ingestor_publisher_corrupt_spools_total") == 1
    assert "a spool's log is damaged" in caplog.text
    assert not is_damaged(wal_of(path))


def test_of_an_orphan_whose_owner_was_killed_within_a_write_all_else_is_adopted_and_nothing_is_told(
    backlog, tmp_path, caplog
):
    path = killed(tmp_path / "spools", "1", b"0", b"1", b"2")
    wal_of(path).write_bytes(wal_of(path).read_bytes()[:-1000])
    backlog.adopt()
    assert contents(backlog) == [[b"0", b"1"]]
    assert "damaged" not in caplog.text


def test_an_orphan_of_whose_damaged_log_no_copy_can_be_kept_waits_as_it_is(
    backlog, clock, tmp_path, monkeypatch
):
    def refused(*_):
        raise OSError(28, "No space left on device")

    path = killed(tmp_path / "spools", "1", *(b"%d" % number for number in range(9)))
    damaged = bytearray(wal_of(path).read_bytes())
    damaged[damaged.index(b"s4")] ^= 1
    wal_of(path).write_bytes(damaged)
    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", refused)
        backlog.adopt()
    assert backlog.spools() == []
    assert wal_of(path).read_bytes() == damaged
    clock.advance(30)
    backlog.adopt()
    assert len(backlog.spools()) == 1


def test_while_what_was_salvaged_is_held_by_another_the_damaged_spool_waits(backlog, tmp_path):
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.spool").write_bytes(b"garbage" * 1000)
    other = Claim.take(tmp_path / "spools" / "1-salvaged.spool")
    backlog.adopt()
    assert backlog.spools() == []
    other.release()
    backlog.adopt()
    backlog.adopt()
    assert "1.corrupt" in names(tmp_path / "spools")


def test_a_damaged_spool_that_cannot_be_set_aside_stays_and_is_told_of(
    backlog, tmp_path, monkeypatch, caplog
):
    def refused(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Claim, "set_aside", refused)
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.spool").write_bytes(b"garbage" * 1000)
    backlog.adopt()
    assert backlog.spools() == []
    assert (tmp_path / "spools" / "1.spool").exists()
    assert "cannot be taken over for now" in caplog.text


def test_an_orphan_whose_adoption_fails_is_looked_at_again_after_a_while(
    backlog, clock, tmp_path, monkeypatch
):
    def refused(path, max_bytes):
        raise SpoolUnavailable("disk is full")

    orphan(tmp_path / "spools", "1", b"1")
    with monkeypatch.context() as full:
        full.setattr(module, "Spool", refused)
        backlog.adopt()
    assert backlog.left() == 1
    backlog.adopt()
    assert backlog.spools() == []
    clock.advance(30)
    backlog.adopt()
    assert contents(backlog) == [[b"1"]]
    assert backlog.left() == 0


def test_an_orphan_that_cannot_be_claimed_is_looked_at_again_after_a_while(
    backlog, clock, tmp_path, monkeypatch
):
    def refused(path):
        raise OSError(24, "Too many open files")

    orphan(tmp_path / "spools", "1", b"1")
    with monkeypatch.context() as exhausted:
        exhausted.setattr(Claim, "take", refused)
        backlog.adopt()
    clock.advance(30)
    backlog.adopt()
    assert contents(backlog) == [[b"1"]]


def test_a_damaged_spool_that_could_not_be_set_aside_is_set_aside_later(
    backlog, clock, tmp_path, monkeypatch
):
    def refused(self):
        raise OSError(30, "Read-only file system")

    backlog.own().append("s", b"intact", 1.0)
    path = backlog.own().path
    with monkeypatch.context() as read_only:
        read_only.setattr(Claim, "set_aside", refused)
        backlog.set_aside(backlog.spools()[0])
    assert path.exists()
    clock.advance(30)
    backlog.adopt()
    assert contents(backlog) == [[b"intact"]]


def test_where_what_is_salvaged_cannot_be_claimed_the_damaged_spool_waits(
    backlog, clock, tmp_path, monkeypatch
):
    take = Claim.take

    def refused(path):
        if "salvaged" in path.name:
            raise OSError(24, "Too many open files")
        return take(path)

    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.spool").write_bytes(b"garbage" * 1000)
    with monkeypatch.context() as exhausted:
        exhausted.setattr(Claim, "take", refused)
        backlog.adopt()
    assert backlog.left() == 1
    clock.advance(30)
    backlog.adopt()
    backlog.adopt()
    assert "1.corrupt" in names(tmp_path / "spools")
    assert backlog.left() == 0


def test_what_was_salvaged_but_cannot_be_opened_is_looked_at_again_after_a_while(
    backlog, clock, tmp_path, monkeypatch
):
    def refused(path, max_bytes):
        if "salvaged" in path.name:
            raise SpoolUnavailable("too many open files")
        return Spool(path, max_bytes)

    backlog.own().append("s", b"intact", 1.0)
    with monkeypatch.context() as exhausted:
        exhausted.setattr(module, "Spool", refused)
        backlog.set_aside(backlog.spools()[0])
    clock.advance(30)
    backlog.adopt()
    assert contents(backlog) == [[b"intact"]]


def test_an_orphan_that_another_takes_over_is_left_no_more(backlog, clock, tmp_path, monkeypatch):
    def refused(path, max_bytes):
        raise SpoolUnavailable("disk is full")

    for name in ("1", "2"):
        orphan(tmp_path / "spools", name, b"1")
    monkeypatch.setattr(module, "Spool", refused)
    backlog.adopt()
    assert backlog.left() == 2
    Claim.take(tmp_path / "spools" / "1.spool").discard()
    other = Claim.take(tmp_path / "spools" / "2.spool")
    clock.advance(30)
    backlog.adopt()
    assert backlog.left() == 0
    other.release()


def test_a_spool_that_cannot_be_claimed_is_told_of_once(backlog, clock, tmp_path, caplog):
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "1.lock").mkdir()
    backlog.adopt()
    clock.advance(30)
    backlog.adopt()
    assert caplog.text.count("a spool cannot be taken over for now") == 1


def test_a_spool_that_cannot_be_removed_is_removed_later(
    backlog, clock, tmp_path, monkeypatch, caplog
):
    def refused(self):
        raise PermissionError(13, "Permission denied")

    orphan(tmp_path / "spools", "1")
    backlog.adopt()
    monkeypatch.setattr(Claim, "discard", refused)
    backlog.finish(backlog.spools()[0])
    monkeypatch.undo()
    assert backlog.spools() == []
    assert caplog.records[-1].reason == "[Errno 13] Permission denied"
    clock.advance(30)
    backlog.adopt()
    backlog.finish(backlog.spools()[0])
    assert names(tmp_path / "spools") == []


def test_a_spool_that_cannot_be_made_is_tried_again_after_a_second_not_at_each_event(
    backlog, clock, tmp_path, monkeypatch
):
    attempts = []

    def refused(path, max_bytes):
        attempts.append(path)
        raise SpoolUnavailable("no room")

    monkeypatch.setattr(module, "Spool", refused)
    for _ in range(5):
        with pytest.raises(SpoolUnavailable, match="no room"):
            backlog.own()
    assert len(attempts) == 1
    assert names(tmp_path / "spools") == []
    monkeypatch.undo()
    clock.advance(1.1)
    assert backlog.own().events == 0


def test_a_retired_spool_takes_nothing_and_only_the_first_to_retire_it_is_told(backlog):
    own = backlog.own()
    assert backlog.retire(own)
    assert not backlog.retire(own)
    with pytest.raises(SpoolUnavailable):
        own.append("s", b"late", 1.0)


def test_what_is_disowned_belongs_to_the_parent_alone(backlog, tmp_path):
    orphan(tmp_path / "spools", "1", b"1")
    own = backlog.own()
    backlog.adopt()
    child = os.fork()
    if child == 0:
        backlog.disown()
        os._exit(0 if Claim.take(own.path) is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_lock_that_a_sibling_swept_up_before_it_was_ours_is_made_anew(backlog, monkeypatch):
    take, swept = Claim.take, []

    def too_late(path):
        if not swept:
            swept.append(path)
            return None
        return take(path)

    monkeypatch.setattr(Claim, "take", too_late)
    assert backlog.own().path not in swept
