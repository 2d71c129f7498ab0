import pytest

from classwaves_runtime.errors import SettingsError
from classwaves_warehouse.databricks.settings import DatabricksSettings

TOKEN = {
    "DATABRICKS_HOST": "adb-1.2.example.net",
    "DATABRICKS_WAREHOUSE_ID": "abc123",
    "DATABRICKS_TOKEN": "secret",
}
PRINCIPAL = {"DATABRICKS_CLIENT_ID": "app", "DATABRICKS_CLIENT_SECRET": "s3cret"}


def settings(**changes):
    given = {**TOKEN, **changes}
    return DatabricksSettings.from_environment(
        {name: value for name, value in given.items() if value is not None}
    )


@pytest.mark.parametrize(
    "host", ["adb-1.2.example.net", "https://adb-1.2.example.net", "https://adb-1.2.example.net/"]
)
def test_a_host_may_have_a_scheme(host):
    assert settings(DATABRICKS_HOST=host).databricks_host == "https://adb-1.2.example.net"


def test_the_http_path_ends_with_the_warehouse_id():
    found = settings()
    assert found.http_path == "/sql/1.0/warehouses/abc123"
    assert found.databricks_catalog == "classwaves"


@pytest.mark.parametrize("host", ["http://localhost:8080", "http://127.0.0.1:8080"])
def test_plain_http_is_allowed_on_this_machine(host):
    assert settings(DATABRICKS_HOST=host).databricks_host == host


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DATABRICKS_HOST": None}, "DATABRICKS_HOST: is not set"),
        ({"DATABRICKS_HOST": "http://adb.example.net"}, "DATABRICKS_HOST: is plain http"),
        ({"DATABRICKS_HOST": "adb.example.net/sql/1.0"}, "DATABRICKS_HOST: is not a host"),
        ({"DATABRICKS_HOST": "me:secret@adb.example.net"}, "DATABRICKS_HOST: is not a host"),
        ({"DATABRICKS_WAREHOUSE_ID": "a/b"}, "DATABRICKS_WAREHOUSE_ID"),
        ({"DATABRICKS_CATALOG": "a`; DROP TABLE x"}, "DATABRICKS_CATALOG"),
        ({"DATABRICKS_TOKEN": None}, "set either DATABRICKS_TOKEN"),
        (PRINCIPAL, "set either DATABRICKS_TOKEN"),
        ({"DATABRICKS_CLIENT_ID": "app"}, "set either DATABRICKS_TOKEN"),
        ({"DATABRICKS_TOKEN": None, "DATABRICKS_CLIENT_ID": "app"}, "set either DATABRICKS_TOKEN"),
    ],
)
def test_an_invalid_setting_is_refused_by_name_without_its_value(changes, message):
    with pytest.raises(SettingsError) as refused:
        settings(**changes)
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)


def test_no_secret_is_shown():
    shown = repr(settings()) + repr(settings(DATABRICKS_TOKEN=None, **PRINCIPAL))
    assert "secret" not in shown
    assert "s3cret" not in shown
