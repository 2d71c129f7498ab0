import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake
from pyarrow.fs import FileType, LocalFileSystem, PyFileSystem

from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.store import store_of

AWKWARD = ["x y:z/1%", "ü", None]
COLUMNS = pa.schema([("kind", pa.string()), ("number", pa.int64())])


@pytest.fixture
def place(tmp_path):
    place = str(tmp_path / "a böse name")
    write_deltalake(place, pa.table({"kind": AWKWARD, "number": [1, 2, 3]}), partition_by=["kind"])
    return place


def test_a_table_on_a_disk_is_read_without_the_interpreters_lock(place):
    assert store_of(DeltaTable(place)).base_fs == LocalFileSystem()


def test_a_table_in_an_object_store_is_read_with_the_credentials_of_delta_rs(monkeypatch, place):
    handle = DeltaTable(place)
    monkeypatch.setattr(DeltaTable, "table_uri", "s3://bucket/place/")
    store = store_of(handle)
    assert isinstance(store, PyFileSystem)
    assert store.get_file_info("_delta_log/00000000000000000000.json").type is FileType.File


def test_files_of_partitions_are_found_whatever_their_values_are(place):
    files = DeltaDataset.of(DeltaTable(place), COLUMNS)
    assert sorted(
        files.rows(["kind", "number"], ds.scalar(True)).to_pylist(), key=lambda row: row["number"]
    ) == [{"kind": kind, "number": number} for number, kind in enumerate(AWKWARD, 1)]
    assert files.vanished(files.files()) == []
