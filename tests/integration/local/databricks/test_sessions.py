"""Sessions have their own settings and share their tables."""

import pytest
from databricks import sql
from databricks.sql.exc import DatabaseError

from local.databricks.environment import HTTP_PATH


def _one(connection, statement):
    with connection.cursor() as cursor:
        return cursor.execute(statement).fetchone()[0]


def test_a_session_starts_in_the_catalog_and_schema_of_its_options(databricks, events_table):
    with databricks.connect(catalog="classwaves", schema="analytics") as connection:
        assert (
            _one(connection, "SELECT current_catalog() || '.' || current_schema()")
            == "classwaves.analytics"
        )
        assert _one(connection, "SELECT count(*) FROM events") == 0


@pytest.mark.parametrize(
    "namespace", [{"catalog": "nowhere"}, {"catalog": "classwaves", "schema": "nowhere"}]
)
def test_a_session_in_a_missing_catalog_or_schema_is_rejected(databricks, namespace):
    with pytest.raises(DatabaseError, match="nowhere"):
        databricks.connect(**namespace)


def test_settings_of_one_session_do_not_affect_another(databricks):
    tokyo = databricks.connect(session_configuration={"TIMEZONE": "Asia/Tokyo"})
    with tokyo, databricks.connect() as other:
        assert _one(tokyo, "SELECT current_timezone()") == "Asia/Tokyo"
        assert _one(other, "SELECT current_timezone()") == "UTC"


def test_a_setting_that_databricks_does_not_have_is_rejected(databricks):
    with pytest.raises(DatabaseError, match="CONFIG_NOT_AVAILABLE"):
        databricks.connect(session_configuration={"no_such_setting": "1"})


def test_rows_that_one_session_stores_are_read_by_another(databricks, cursor, events_table):
    with databricks.connect() as other:
        cursor.execute(f"INSERT INTO {events_table} VALUES ('a', NULL)")
        assert _one(other, f"SELECT id FROM {events_table}") == "a"


def test_the_endpoint_answers_over_tls_to_a_client_that_trusts_its_authority(databricks):
    with sql.connect(
        server_hostname="localhost",
        http_path=HTTP_PATH,
        access_token="local",
        enable_telemetry=False,
        _port=databricks.tls_port,
        _tls_trusted_ca_file=str(databricks.certificate),
    ) as connection:
        assert _one(connection, "SELECT 1") == 1
