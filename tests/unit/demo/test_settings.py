import pytest

from classwaves_runtime.errors import SettingsError
from demo.errors import FolderNotEmpty
from demo.settings import DemoSettings, empty_folder


def test_the_demo_takes_half_a_minute_in_a_folder_of_its_own_unless_told_otherwise():
    assert DemoSettings.from_environment({}) == DemoSettings(
        demo_seconds=30.0, demo_chaos="on", demo_folder=None
    )


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_wrong_duration_is_named(seconds):
    with pytest.raises(SettingsError, match="DEMO_SECONDS"):
        DemoSettings.from_environment({"DEMO_SECONDS": seconds})


def test_chaos_is_on_or_off():
    assert DemoSettings.from_environment({"DEMO_CHAOS": "off"}).demo_chaos == "off"
    with pytest.raises(SettingsError, match="DEMO_CHAOS"):
        DemoSettings.from_environment({"DEMO_CHAOS": "some"})


def test_a_folder_that_is_wanted_is_made(tmp_path):
    assert empty_folder(tmp_path / "new" / "one").is_dir()


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FolderNotEmpty, match="not empty"):
        empty_folder(tmp_path)
