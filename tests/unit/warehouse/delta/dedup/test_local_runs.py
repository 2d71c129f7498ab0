import errno
from io import BytesIO

import pytest
from pyarrow.fs import (
    LocalFileSystem,
    SubTreeFileSystem,
    _MockFileSystem,
)

from classwaves_warehouse.delta.dedup.identities import Identities
from classwaves_warehouse.delta.dedup.local_runs import LocalRuns
from classwaves_warehouse.delta.dedup.run import write_run
from classwaves_warehouse.errors import DamagedRun
from tests.support.rows import batch, event


@pytest.fixture
def identities():
    return Identities.of(batch(*(event(str(number)) for number in range(100)))).in_order()


def test_a_run_is_found_in_no_folder_and_frees_its_space_when_it_is_closed(identities, tmp_path):
    local = LocalRuns(tmp_path, 10_000)
    run = local.write(identities)
    assert run.find(identities.digests).known.all()
    assert list(tmp_path.iterdir()) == []
    assert 3200 < local.bytes < 4000
    local.close(run)
    assert local.bytes == 0


def test_a_limit_of_bytes_is_kept_and_logged_once(identities, tmp_path, caplog):
    local = LocalRuns(tmp_path, 6_000)
    first = local.write(identities)
    assert first is not None
    assert local.write(identities) is None
    assert local.write(identities) is None
    assert caplog.text.count("DEDUP_DISK_BYTES is 6000") == 1
    local.close(first)
    assert local.write(identities) is not None


def test_a_run_that_cannot_be_written_leaves_nothing_behind(
    identities, tmp_path, monkeypatch, caplog
):
    def full(_file, _identities):
        raise OSError(errno.ENOSPC, "No space left on device")

    local = LocalRuns(tmp_path, 10_000)
    with monkeypatch.context() as disk:
        disk.setattr("classwaves_warehouse.delta.dedup.local_runs.write_run", full)
        assert local.write(identities) is None
    assert "No space left on device" in caplog.text
    assert (list(tmp_path.iterdir()), local.bytes) == ([], 0)


def test_a_run_on_this_machine_is_opened_where_it_is(identities, tmp_path):
    with (tmp_path / "a.run").open("wb") as file:
        write_run(file, identities)
    local = LocalRuns(tmp_path / "missing", 0)
    run = local.open(SubTreeFileSystem(str(tmp_path), LocalFileSystem()), "a.run")
    assert run.find(identities.digests).known.all()
    assert local.bytes == 0


def test_a_run_on_another_machine_is_copied(identities, tmp_path):
    remote, data = _MockFileSystem(), BytesIO()
    write_run(data, identities)
    with remote.open_output_stream("a.run") as stream:
        stream.write(data.getvalue())
    local = LocalRuns(tmp_path, 10_000)
    run = local.open(remote, "a.run")
    assert run.find(identities.digests).known.all()
    assert local.bytes == len(data.getvalue())
    assert LocalRuns(tmp_path, 100).open(remote, "a.run") is None


def test_a_damaged_run_is_not_opened(tmp_path):
    (tmp_path / "a.run").write_bytes(b"damaged")
    with pytest.raises(DamagedRun):
        LocalRuns(tmp_path, 0).open(SubTreeFileSystem(str(tmp_path), LocalFileSystem()), "a.run")
