import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake
from pyarrow.fs import FileType, LocalFileSystem, PyFileSystem

from classwaves_warehouse.delta.dataset import DeltaDataset, filesystem_for

AWKWARD = ["x y:z/1%", "ü", None]
COLUMNS = pa.schema([("kind", pa.string()), ("number", pa.int64())])


@pytest.fixture
def url(tmp_path):
    url = str(tmp_path / "a böse name")
    write_deltalake(url, pa.table({"kind": AWKWARD, "number": [1, 2, 3]}), partition_by=["kind"])
    return url


def test_a_local_table_is_read_with_arrows_own_filesystem(url):
    assert filesystem_for(DeltaTable(url)).base_fs == LocalFileSystem()


def test_a_table_in_an_object_store_is_read_with_the_credentials_of_delta_rs(monkeypatch, url):
    handle = DeltaTable(url)
    monkeypatch.setattr(DeltaTable, "table_uri", "s3://bucket/place/")
    filesystem = filesystem_for(handle)
    assert isinstance(filesystem, PyFileSystem)
    assert filesystem.get_file_info("_delta_log/00000000000000000000.json").type is FileType.File


def test_files_of_partitions_with_special_characters_are_found(url):
    files = DeltaDataset.of(DeltaTable(url), COLUMNS)
    assert sorted(
        files.rows(["kind", "number"], ds.scalar(True)).to_pylist(), key=lambda row: row["number"]
    ) == [{"kind": kind, "number": number} for number, kind in enumerate(AWKWARD, 1)]
    assert files.missing(files.files()) == []
