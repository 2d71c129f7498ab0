import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from classwaves_ingestor.producer.spool import Spool
from classwaves_ingestor.producer.wal import is_damaged, wal_of
from tests.support.publishing import TOPIC

HEADER, FRAME = 32, 24 + 4096


@pytest.fixture
def wal(tmp_path):
    """The log of a spool with 30 events as a killed process leaves it: not checkpointed yet."""
    spool = Spool(tmp_path / "a.spool", 10**9, TOPIC)
    for number in range(30):
        spool.append("s", b"%d" % number + b"x" * 500, 1.0)
    copy = tmp_path / "left-wal"
    copy.write_bytes(wal_of(spool.path).read_bytes())
    spool.close()
    return copy


def change(wal, at, by=0x10):
    content = bytearray(wal.read_bytes())
    content[at] ^= by
    wal.write_bytes(content)


def frames(wal):
    return (wal.stat().st_size - HEADER) // FRAME


def test_an_unchanged_log_is_sound(wal):
    assert frames(wal) > 30
    assert not is_damaged(wal)


def test_a_missing_and_an_empty_log_are_sound(tmp_path):
    assert not is_damaged(tmp_path / "missing-wal")
    (tmp_path / "empty-wal").touch()
    assert not is_damaged(tmp_path / "empty-wal")


def test_a_log_truncated_anywhere_is_sound_as_after_a_kill_during_a_write(wal):
    content = wal.read_bytes()
    for size in [
        *range(0, HEADER + 2 * FRAME, 97),
        *range(len(content) - 2 * FRAME, len(content), 97),
    ]:
        wal.write_bytes(content[:size])
        assert not is_damaged(wal), size


def test_a_last_frame_with_only_its_header_is_no_damage(wal):
    content = wal.read_bytes()
    wal.write_bytes(content[: 24 - FRAME] + bytes(FRAME - 24))
    assert not is_damaged(wal)


@pytest.mark.parametrize(
    "at",
    [
        *(pytest.param(at, id=f"the log's header, byte {at}") for at in (0, 9, 17, 31)),
        *(
            pytest.param(HEADER + 10 * FRAME + at, id=f"frame 10, byte {at}")
            for at in (0, 6, 9, 15, 20, 24, 4000)
        ),
        pytest.param(HEADER + 30, id="the first frame"),
    ],
)
def test_a_flipped_bit_before_later_transactions_is_damage(wal, at):
    change(wal, at)
    assert is_damaged(wal)


def test_a_hole_before_later_transactions_is_damage(wal):
    content = wal.read_bytes()
    wal.write_bytes(
        content[: HEADER + 5 * FRAME] + bytes(4 * FRAME) + content[HEADER + 9 * FRAME :]
    )
    assert is_damaged(wal)


def test_frames_of_an_older_log_after_a_newer_one_are_no_damage(tmp_path):
    with closing(sqlite3.connect(tmp_path / "a", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (x)")
        for number in range(20):
            database.execute("INSERT INTO t VALUES (?)", (number,))
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")
        database.execute("INSERT INTO t VALUES (1)")
        assert frames(wal_of(tmp_path / "a")) > 20
        assert not is_damaged(wal_of(tmp_path / "a"))


def test_frames_of_a_rolled_back_transaction_are_no_damage(tmp_path):
    with closing(sqlite3.connect(tmp_path / "a", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(
            "PRAGMA cache_size = 2"
        )  # more than the cache goes to the log before the commit
        database.execute("CREATE TABLE t (x)")
        before = frames(wal_of(tmp_path / "a"))
        database.execute("BEGIN")
        for _ in range(200):
            database.execute("INSERT INTO t VALUES (?)", ("x" * 500,))
        database.execute("ROLLBACK")
        database.execute("INSERT INTO t VALUES (1)")
        assert frames(wal_of(tmp_path / "a")) > before + 5
        assert not is_damaged(wal_of(tmp_path / "a"))


@pytest.mark.parametrize("magic", [0x377F0682, 0x377F0683])
def test_logs_of_both_byte_orders_are_read(tmp_path, magic):
    """Two hand-made frames of 512 bytes, since a machine writes only its own byte order."""
    order = {0x377F0682: "little", 0x377F0683: "big"}[magic]

    def word(number):
        return number.to_bytes(4, "big")

    def added(data, checksum):
        first, second = checksum
        for at in range(0, len(data), 8):
            first = (first + int.from_bytes(data[at : at + 4], order) + second) % 2**32
            second = (second + int.from_bytes(data[at + 4 : at + 8], order) + first) % 2**32
        return first, second

    content = word(magic) + word(3007000) + word(512) + word(0) + b"saltpepr"
    checksum = added(content, (0, 0))
    content += word(checksum[0]) + word(checksum[1])
    for number in range(2):
        head, page = word(number + 1) + word(2), bytes([number]) * 512
        checksum = added(head + page, checksum)
        content += head + b"saltpepr" + word(checksum[0]) + word(checksum[1]) + page
    wal = Path(tmp_path, "a-wal")
    wal.write_bytes(content)
    assert not is_damaged(wal)
    change(wal, 100)
    assert is_damaged(wal)
