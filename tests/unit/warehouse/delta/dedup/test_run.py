import os
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.delta.dedup.identities import Identities
from classwaves_warehouse.delta.dedup.run import IdentityRun, write_run
from classwaves_warehouse.errors import DamagedRun


def identities(numbers):
    """Identities with well spread digests, some of which end with zero bytes."""
    digests = np.array(
        [(number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big") + bytes(8) for number in numbers],
        "S16",
    )
    values = np.array(numbers, np.uint64)
    return Identities(
        digests, values + np.uint64(1), values + np.uint64(7), np.array(numbers, np.int32) % 5
    ).in_order()


@pytest.fixture
def opened(tmp_path):
    """Writes bytes to a file and opens it as a run."""

    def opened(data):
        path = tmp_path / "a.run"
        path.write_bytes(data)
        return IdentityRun(os.open(path, os.O_RDONLY))

    return opened


def encoded(numbers):
    file = BytesIO()
    write_run(file, identities(numbers))
    return file.getvalue()


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=2000), st.integers(1, 50))
def test_a_run_finds_its_identities_and_no_others(numbers, step):
    data = BytesIO()
    write_run(data, identities(sorted(numbers)))
    descriptor = os.memfd_create("run")
    os.write(descriptor, data.getvalue())
    run = IdentityRun(descriptor)
    wanted = identities(range(0, 5001, step))
    found = run.find(wanted.digests)
    expected = np.isin(wanted.fingerprints - np.uint64(1), list(numbers))
    assert (found.known == expected).all()
    assert (found.fingerprints == np.where(expected, wanted.fingerprints, 0)).all()
    assert (found.origins == np.where(expected, wanted.origins, 0)).all()
    assert len(run) == len(numbers)
    assert run.hours == {number % 5 for number in numbers}
    run.close()


def test_few_unknown_identities_pass_the_filter(opened, monkeypatch):
    run = opened(encoded(range(20_000)))
    blocks = []
    read = IdentityRun._read
    monkeypatch.setattr(
        IdentityRun, "_read", lambda self, *span: blocks.append(span) or read(self, *span)
    )
    unknown = identities(range(20_000, 40_000))
    assert not run.find(unknown.digests).known.any()
    assert 0 < len(blocks) < 200


def test_a_run_takes_little_memory(opened):
    run = opened(encoded(range(100_000)))
    assert run.bytes_in_memory < 2.2 * 100_000
    assert run.bytes_on_disk < 34.2 * 100_000


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"X" + data[1:],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
    ],
    ids=["empty", "another format", "too short", "too long", "a changed bit in the filter"],
)
def test_a_damaged_file_is_no_run(opened, damage):
    data = encoded(range(1000))
    with pytest.raises(DamagedRun):
        opened(damage(data))


def _fail(*_):
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize("pread", [_fail, lambda *_: b"short"])
def test_a_run_that_cannot_be_read_is_damaged(opened, monkeypatch, pread):
    run = opened(encoded(range(1000)))
    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(DamagedRun):
        run.find(identities(range(10)).digests)
