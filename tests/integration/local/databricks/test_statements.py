"""Statements and results through the real connector, without faults."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from databricks.sql.exc import ServerOperationError


def test_a_statement_answers_with_typed_columns(cursor):
    cursor.execute(
        "SELECT 1 AS n, 'x' AS s, TIMESTAMP '2026-03-02 08:00:00.123456' AS at,"
        " CAST(1.5 AS DECIMAL(5, 2)) AS d"
    )
    assert [column[:2] for column in cursor.description] == [
        ("n", "int"),
        ("s", "string"),
        ("at", "timestamp"),
        ("d", "decimal"),
    ]
    assert tuple(cursor.fetchone()) == (
        1,
        "x",
        datetime(2026, 3, 2, 8, 0, 0, 123456, UTC),
        Decimal("1.50"),
    )


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (5, "int"),
        (-(2**63), "bigint"),
        (1.5, "double"),
        (True, "boolean"),
        (None, "void"),
        (date(2026, 3, 2), "date"),
        (datetime(2026, 3, 2, 8, 0, 0, 123456, UTC), "timestamp"),
        (Decimal("12.50"), "decimal(4,2)"),
        (
            'it\'s "quoted", \\back\\slashed\\n, {braced}, ${dollar}, :named and ?\nüñí😀\x00',
            "string",
        ),
    ],
)
def test_a_named_parameter_comes_back_as_it_was_bound(cursor, value, type_):
    assert tuple(cursor.execute("SELECT :v, typeof(:v)", {"v": value}).fetchone()) == (value, type_)


def test_parameters_also_bind_by_position(cursor):
    assert tuple(cursor.execute("SELECT ?, ?", [1, "z"]).fetchone()) == (1, "z")


def test_a_list_binds_as_an_array(cursor):
    assert cursor.execute("SELECT size(:v)", {"v": [1, 2, 3]}).fetchone()[0] == 3


def test_a_result_of_many_rows_is_read_in_several_fetches(cursor):
    assert cursor.execute("SELECT id FROM range(250000)").fetchall_arrow()[
        "id"
    ].to_pylist() == list(range(250_000))


def test_an_empty_result_keeps_its_columns(cursor):
    rows = cursor.execute("SELECT id FROM range(10) WHERE id < 0").fetchall_arrow()
    assert rows.num_rows == 0
    assert rows.column_names == ["id"]


def test_a_wrong_statement_fails_with_sparks_message(cursor):
    with pytest.raises(ServerOperationError, match=r"\[UNRESOLVED_COLUMN.*`nope`"):
        cursor.execute("SELECT nope")


def test_arithmetic_follows_the_ansi_rules(cursor):
    with pytest.raises(ServerOperationError, match="DIVIDE_BY_ZERO"):
        cursor.execute("SELECT 1 / 0")


def test_a_statement_that_takes_longer_than_the_first_answer_is_polled(cursor):
    cursor.execute("SELECT java_method('java.lang.Thread', 'sleep', 5500L)")
    assert len(cursor.fetchall()) == 1


def test_the_log_holds_each_executed_statement_and_its_outcome(databricks, cursor):
    cursor.execute("SELECT 'logged'")
    with pytest.raises(ServerOperationError):
        cursor.execute("SELECT logged")
    assert [
        (execution.statement, execution.state) for execution in databricks.log.executions("logged")
    ] == [
        ("SELECT 'logged'", "finished"),
        ("SELECT logged", "failed"),
    ]


def test_a_batch_of_json_in_one_parameter_is_merged_and_counted(cursor, events_table):
    rows = [{"id": f"e{number}", "payload": "{}" if number else None} for number in range(3)]
    for inserted in (3, 0):
        cursor.execute(
            f"""MERGE INTO {events_table} t
            USING (SELECT inline(from_json(:batch, 'ARRAY<STRUCT<id STRING, payload STRING>>'))) s
            ON t.id = s.id WHEN NOT MATCHED THEN INSERT *""",
            {"batch": json.dumps(rows)},
        )
        assert cursor.rowcount == inserted
        assert cursor.fetchone()["num_inserted_rows"] == inserted
    assert cursor.execute(f"SELECT count(*), count(payload) FROM {events_table}").fetchone() == (
        3,
        2,
    )
