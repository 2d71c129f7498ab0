"""Delta tables behind the endpoint: the seed's DDL, exact values, real conflicts."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databricks.sql.exc import ServerOperationError
from deltalake import DeltaTable

from local.databricks.control import CONFLICT

SEED = sorted(Path(__file__).parents[3].glob("support/seed/*.sql"))
MOMENT = datetime(2026, 3, 2, 8, 0, 0, 123456, UTC)
MERGE = """MERGE INTO classwaves.analytics.events t USING (SELECT :id AS id, 'x' AS payload) s
ON t.id = s.id WHEN NOT MATCHED THEN INSERT *"""


@pytest.mark.parametrize("ddl", SEED, ids=lambda path: path.stem)
def test_the_seeds_ddl_runs_verbatim_and_repeatedly(cursor, ddl):
    name = f"classwaves.analytics.{ddl.stem}"
    cursor.execute(f"DROP TABLE IF EXISTS {name}")
    try:
        for _ in range(2):
            cursor.execute(ddl.read_text())
        described = cursor.execute(f"DESCRIBE TABLE {name}").fetchall()
    finally:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
    columns = re.findall(r"^  (\w+) ([A-Z]+)", ddl.read_text(), re.MULTILINE)
    assert [(row["col_name"], row["data_type"].upper()) for row in described] == columns


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "",
        'it\'s "quoted", \\back\\slashed\\n, {braced}, ${dollar}, :named and ?\n\t\r',
        "üñí 漢字 😀 \u2028 \x00 \x7f",
        json.dumps({"text": "ß" * 1_000_000}, ensure_ascii=False),
    ],
    ids=["NULL", "empty", "quotes", "unicode", "megabytes"],
)
def test_a_value_is_stored_and_read_back_exactly(cursor, databricks, events_table, payload):
    cursor.execute(
        f"INSERT INTO {events_table} VALUES (:id, :payload)", {"id": "a", "payload": payload}
    )
    cursor.execute(
        f"INSERT INTO {events_table} SELECT inline(from_json(:batch,"
        " 'ARRAY<STRUCT<id STRING, payload STRING>>'))",
        {"batch": json.dumps([{"id": "b", "payload": payload}])},
    )
    wanted = [("a", payload), ("b", payload)]
    assert [
        tuple(row) for row in cursor.execute(f"SELECT * FROM {events_table} ORDER BY id").fetchall()
    ] == wanted
    stored = (
        DeltaTable(databricks.table_folder("analytics", "events")).to_pyarrow_table().to_pylist()
    )
    assert sorted((row["id"], row["payload"]) for row in stored) == wanted


@pytest.mark.parametrize("moment", [MOMENT, datetime(1999, 12, 31, 23, 59, 59, 999999, UTC), None])
def test_a_moment_is_stored_and_read_back_to_the_microsecond(cursor, moment):
    cursor.execute(
        "CREATE OR REPLACE TABLE classwaves.analytics.moments (at TIMESTAMP) USING DELTA"
    )
    try:
        cursor.execute("INSERT INTO classwaves.analytics.moments VALUES (:at)", {"at": moment})
        cursor.execute(
            "INSERT INTO classwaves.analytics.moments"
            " SELECT inline(from_json(:batch, 'ARRAY<STRUCT<at TIMESTAMP>>'))",
            {"batch": json.dumps([{"at": moment and moment.isoformat()}])},
        )
        assert [
            row[0] for row in cursor.execute("SELECT at FROM classwaves.analytics.moments")
        ] == [moment, moment]
    finally:
        cursor.execute("DROP TABLE classwaves.analytics.moments")


def test_of_two_concurrent_merges_of_one_new_row_one_fails_and_the_row_is_stored_once(
    databricks, cursor, events_table
):
    start = threading.Barrier(2)

    def merge(id_):
        with databricks.connect() as connection, connection.cursor() as own:
            start.wait()
            try:
                own.execute(MERGE, {"id": id_})
            except ServerOperationError as error:
                return str(error)
        return None

    with ThreadPoolExecutor(2) as pool:
        for attempt in range(5):
            outcomes = list(pool.map(merge, [f"e{attempt}"] * 2))
            if any(outcomes):
                break
    [lost] = [outcome for outcome in outcomes if outcome]
    assert lost.startswith(CONFLICT)
    ids = [row[0] for row in cursor.execute(f"SELECT id FROM {events_table} ORDER BY id")]
    assert ids == [f"e{number}" for number in range(attempt + 1)]


def test_dropping_all_tables_leaves_an_empty_endpoint(databricks, cursor):
    cursor.execute("CREATE TABLE classwaves.analytics.left_over (id STRING) USING DELTA")
    databricks.faults.conflict(times=9)
    databricks.drop_tables()
    assert databricks.log.statements() == []
    assert cursor.execute("SHOW TABLES IN classwaves.analytics").fetchall() == []
