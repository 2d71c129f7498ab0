import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from classwaves_ingestor.producer import spool as module
from classwaves_ingestor.producer.errors import SpoolFull, SpoolUnavailable
from classwaves_ingestor.producer.salvage import salvage
from classwaves_ingestor.producer.spool import Spool
from classwaves_ingestor.producer.spool_file import BrokenSpool, CorruptSpool
from tests.support.publishing import TOPIC


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.spool"


def fill(spool, events):
    for number in range(events):
        spool.append(f"s{number % 3}", b'{"n":%d,"x":"%b"}' % (number, b"x" * 400), 1000.0 + number)


def rows(spool):
    return [(event.key, event.value) for event in spool.read(10_000)]


def test_appended_events_are_read_once_in_order(path):
    spool = Spool(path, 1000, TOPIC)
    spool.append("s", "é".encode(), 1.0)
    spool.append("t", b"2", 2.0)
    assert rows(spool) == [(b"s", "é".encode()), (b"t", b"2")]
    assert rows(spool) == []
    spool.close()


def test_events_that_were_not_removed_are_still_there_after_a_reopen(path):
    spool = Spool(path, 1000, TOPIC)
    spool.append("s", b"1", 1.0)
    spool.append("s", b"2", 2.0)
    spool.remove(spool.read(1))
    spool.close()
    again = Spool(path, 1000, TOPIC)
    assert (again.events, again.bytes, again.oldest()) == (1, 1, 2.0)
    assert rows(again) == [(b"s", b"2")]
    again.close()


def test_an_emptied_spool_continues_its_numbering(path):
    spool = Spool(path, 1000, TOPIC)
    spool.append("s", b"1", 1.0)
    spool.remove(spool.read(1))
    assert spool.oldest() is None
    spool.append("s", b"2", 2.0)
    assert rows(spool) == [(b"s", b"2")]
    spool.close()


def test_a_full_spool_raises_and_accepts_events_again_once_there_is_room(path):
    spool = Spool(path, 10, TOPIC)
    spool.append("s", b"x" * 10, 1.0)
    with pytest.raises(SpoolFull, match=r"10 bytes of events wait .*SPOOL_MAX_BYTES"):
        spool.append("s", b"x", 1.0)
    spool.remove(spool.read(1))
    spool.append("s", b"x", 1.0)
    spool.close()


def test_a_file_in_another_format_is_corrupt(path):
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(CorruptSpool, match=r"a\.spool.*SPOOL_FOLDER"):
        Spool(path, 1000, TOPIC)


def test_a_missing_folder_is_unavailable_not_corrupt(tmp_path):
    with pytest.raises(SpoolUnavailable) as caught:
        Spool(tmp_path / "missing" / "a.spool", 1000, TOPIC)
    assert not isinstance(caught.value, CorruptSpool)


def test_a_closed_spool_appends_nothing(path):
    spool = Spool(path, 1000, TOPIC)
    spool.close()
    with pytest.raises(BrokenSpool):
        spool.append("s", b"1", 1.0)
    assert spool.events == 0


def test_a_changed_value_is_detected(path):
    spool = Spool(path, 10_000, TOPIC)
    fill(spool, 3)
    with sqlite3.connect(path) as vandal:
        vandal.execute(
            "UPDATE events SET value = replace(value, '\"n\":1', '\"n\":7') WHERE position = 2"
        )
    vandal.close()
    with pytest.raises(CorruptSpool, match="checksum of event 2 differs"):
        spool.read(10)
    spool.close()


def leave_delivered(spool, count, monkeypatch):
    """Remove the first events while none can be deleted, as on a full disk."""
    monkeypatch.setattr(module, "_DELETE", "DELETE FROM nothing WHERE ?")
    spool.remove(spool.read(count))
    monkeypatch.undo()


def test_a_recount_counts_only_waiting_events(path, monkeypatch):
    spool = Spool(path, 10_000, TOPIC)
    fill(spool, 3)
    leave_delivered(spool, 1, monkeypatch)
    waiting = (spool.events, spool.bytes)
    spool.events = spool.bytes = -1
    spool.recount()
    assert (spool.events, spool.bytes) == waiting
    spool.close()
    spool.recount()
    assert (spool.events, spool.bytes) == waiting


def test_events_that_cannot_be_deleted_are_deleted_with_the_next_ones(path, monkeypatch):
    spool = Spool(path, 10_000, TOPIC)
    fill(spool, 3)
    leave_delivered(spool, 2, monkeypatch)
    spool.remove(spool.read(1))
    spool.close()
    again = Spool(path, 10_000, TOPIC)
    assert again.events == 0
    again.close()


def test_a_large_log_is_checkpointed_into_the_file(path, monkeypatch):
    monkeypatch.setattr(module, "LOG_LARGE", 100_000)
    monkeypatch.setattr(module, "_LOG_HUGE", 200_000)
    spool = Spool(path, 10**9, TOPIC)
    for _ in range(30):
        fill(spool, 20)
        spool.checkpoint()
    assert Path(f"{path}-wal").stat().st_size < 400_000
    assert len(rows(spool)) == 600
    spool.close()


def test_after_a_burst_the_log_is_short_and_is_not_checkpointed_until_it_is_long(path, monkeypatch):
    moved, move = [], Spool._move_log
    monkeypatch.setattr(module, "_LOG_HUGE", module.LOG_LARGE)
    monkeypatch.setattr(Spool, "_move_log", lambda self: moved.append(self) or move(self))
    spool = Spool(path, 10**9, TOPIC)
    fill(spool, 3000)
    assert Path(f"{path}-wal").stat().st_size > module.LOG_LARGE
    for _ in range(10):
        spool.checkpoint()
        fill(spool, 1)
    assert Path(f"{path}-wal").stat().st_size < module.LOG_LARGE
    assert len(moved) == 1
    spool.close()


def test_a_huge_log_that_emits_keep_busy_is_checkpointed_while_they_wait(path, monkeypatch):
    waiting, move = [], Spool._move_log

    def interrupted(self):
        waiting.append(self._in_use)
        if not self._in_use:
            fill(self, 1)
        return move(self) and self._in_use

    monkeypatch.setattr(module, "LOG_LARGE", 100_000)
    monkeypatch.setattr(module, "_LOG_HUGE", 200_000)
    monkeypatch.setattr(Spool, "_move_log", interrupted)
    spool = Spool(path, 10**9, TOPIC)
    fill(spool, 100)
    spool.checkpoint()
    assert waiting == [False, False, True]
    spool.close()


class SpoolMachine(RuleBasedStateMachine):
    """A spool against a list, through reads, failures, closes and reopens."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "a.spool")
        self.spool = Spool(self.path, 200, TOPIC)
        self.waiting = []
        self.read = 0
        self.number = 0

    @rule(size=st.integers(1, 60))
    def append(self, size):
        value = b"%d" % self.number + b"x" * size
        if sum(len(each) for each in self.waiting) + len(value) > 200:
            with pytest.raises(SpoolFull):
                self.spool.append("s", value, float(self.number))
        else:
            self.spool.append("s", value, float(self.number))
            self.waiting.append(value)
            self.number += 1

    @rule(limit=st.integers(1, 4), delivered=st.integers(0, 4))
    def deliver(self, limit, delivered):
        events = self.spool.read(limit)
        assert [event.value for event in events] == self.waiting[self.read : self.read + limit]
        self.spool.remove(events[:delivered])
        del self.waiting[self.read : self.read + min(delivered, len(events))]
        if events[delivered:]:
            self.spool.rewind(events[delivered].position)

    @rule(limit=st.integers(1, 4))
    def leave_refused(self, limit):
        self.read += len(self.spool.read(limit))

    @precondition(lambda self: self.read)
    @rule()
    def reopen(self):
        self.spool.close()
        self.spool = Spool(self.path, 200, TOPIC)
        self.read = 0

    @invariant()
    def depth_is_the_number_of_waiting_events(self):
        assert self.spool.events == len(self.waiting)
        assert self.spool.bytes == sum(len(each) for each in self.waiting)

    def teardown(self):
        self.spool.close()
        self.folder.cleanup()


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60_000), st.binary(min_size=1, max_size=300)),
        min_size=1,
        max_size=4,
    )
)
@example([(4038, b"\x80")])  # in the CREATE TABLE text, which SQLite then quotes in its error
def test_salvage_of_arbitrary_damage_keeps_only_intact_events_in_order(damages):
    with tempfile.TemporaryDirectory() as folder:
        damaged, sound = Path(folder, "a.spool"), Path(folder, "b.spool")
        spool = Spool(damaged, 10**9, TOPIC)
        fill(spool, 100)
        written = rows(spool)
        spool.close()
        content = bytearray(damaged.read_bytes())
        for at, garbage in damages:
            content[at : at + len(garbage)] = garbage
        damaged.write_bytes(content)
        found = salvage(damaged, sound)
        saved = Spool(sound, 10**9, TOPIC)
        events = rows(saved)
        saved.close()
        assert len(events) == found
        positions = [written.index(each) for each in events]
        assert positions == sorted(set(positions))


def test_a_damaged_spool_that_cannot_be_opened_is_not_considered_empty(tmp_path):
    (tmp_path / "a.spool").mkdir()  # cannot be opened, as without free file descriptors
    with pytest.raises(SpoolUnavailable):
        salvage(tmp_path / "a.spool", tmp_path / "b.spool")


def test_a_damaged_spool_with_a_log_that_cannot_be_opened_is_not_considered_empty(tmp_path):
    damaged = tmp_path / "a.spool"
    spool = Spool(damaged, 10_000, TOPIC)
    fill(spool, 3)
    spool.close()
    Path(f"{damaged}-wal").mkdir()
    with pytest.raises(SpoolUnavailable):
        salvage(damaged, tmp_path / "b.spool")


def test_all_pages_but_a_damaged_one_are_salvaged(tmp_path):
    damaged, sound = tmp_path / "a.spool", tmp_path / "b.spool"
    spool = Spool(damaged, 10**9, TOPIC)
    fill(spool, 100)
    spool.close()
    with damaged.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 4096)
    assert 85 <= salvage(damaged, sound) < 100
