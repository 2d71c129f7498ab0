import os
import tempfile
from pathlib import Path

import pytest

from classwaves_runtime.errors import SettingsError
from classwaves_warehouse.settings import DedupLimits, DedupSettings


def test_the_dedup_index_is_on_disk_by_default():
    assert DedupLimits().folder == Path("/var/tmp")


def test_without_a_writable_folder_on_disk_the_systems_temporary_folder_is_used(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert DedupLimits().folder == Path(tempfile.gettempdir())


def test_limits_come_from_the_environment(tmp_path):
    given = {
        "DEDUP_MAX_IDENTITIES": "5",
        "DEDUP_FOLDER": str(tmp_path),
        "DEDUP_DISK_BYTES": "2MiB",
    }
    limits = DedupSettings.from_environment(given).dedup_limits
    assert (limits.identities, limits.folder, limits.disk_bytes) == (5, tmp_path, 2 << 20)
    assert DedupSettings.from_environment({}).dedup_limits == DedupLimits()


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="DEDUP_FOLDER"):
        DedupSettings.from_environment({"DEDUP_FOLDER": str(tmp_path / "missing")})
