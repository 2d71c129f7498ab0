"""Statements on which SQL dialects differ, with the answers of Spark and of translated SQL."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from classwaves_schemas.tables import Table
from classwaves_schemas.tables.table import (
    BIGINT,
    DOUBLE,
    INT,
    MEASURE,
    SCORE,
    STRING,
    TAGS,
    TIMESTAMP,
    Column,
)

THINGS = Table(
    schema="dialect",
    name="things",
    properties={"comment": "A column of every type"},
    columns=(
        Column("id", STRING, "The thing"),
        Column("at", TIMESTAMP, "When"),
        Column("until", TIMESTAMP, "Until when"),
        Column("whole", INT, "A whole number"),
        Column("large", BIGINT, "A large one"),
        Column("real", DOUBLE, "A real one"),
        Column("score", SCORE, "A decimal"),
        Column("measure", MEASURE, "A finer one"),
        Column("tags", TAGS, "Words by words"),
        Column("payload", STRING, "JSON, mostly"),
    ),
)

AT = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)
"""A second before clocks in much of Europe jump."""

ROWS: list[dict[str, Any]] = [
    {
        "id": "a",
        "at": AT,
        "until": AT + timedelta(hours=3, microseconds=2),
        "whole": 7,
        "large": 2**53 + 1,
        "real": 2.5,
        "score": Decimal("99.95"),
        "measure": Decimal("0.0001"),
        "tags": [("model", "x"), ("", "empty")],
        "payload": '{"groupId":"g1","n":5,"t":true,"none":null,"deep":{"er":"ü"},"list":[1,2]}',
    },
    {
        "id": "b",
        "at": AT - timedelta(minutes=59),
        "until": AT,
        "whole": -7,
        "large": 2,
        "real": -2.5,
        "score": Decimal("0.05"),
        "measure": Decimal("999999.9999"),
        "tags": [],
        "payload": "no JSON",
    },
    {"id": "c"},
]


@dataclass(frozen=True)
class Case:
    """A statement and its answer: rows in order, each as a tuple."""

    sql: str
    rows: list[tuple[Any, ...]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


PARAMETERS = {
    "hour": at("2026-03-29 00:00:00"),
    "text": "O'Brien :hour",
    "rate": 0.1,
    "none": None,
    "count": 3,
}

CASES = {
    "truncating a time": Case(
        "SELECT date_trunc('HOUR', at), date_trunc('DAY', at) FROM things WHERE id = 'a'",
        [(at("2026-03-29 00:00:00"), at("2026-03-29 00:00:00"))],
    ),
    "adding and taking intervals": Case(
        "SELECT :hour + INTERVAL 1 HOUR, at - INTERVAL 12 HOURS, at + INTERVAL '90' MINUTE "
        "FROM things WHERE id = 'a'",
        [
            (
                at("2026-03-29 01:00:00"),
                at("2026-03-28 12:59:59.999999"),
                at("2026-03-29 02:29:59.999999"),
            )
        ],
    ),
    "half open hours": Case(
        "SELECT id FROM things WHERE at >= :hour AND at < :hour + INTERVAL 1 HOUR ORDER BY id",
        [("a",), ("b",)],
    ),
    "a literal time": Case(
        "SELECT TIMESTAMP '2026-03-29 02:30:00' > at FROM things WHERE id = 'a'", [(True,)]
    ),
    "a null time": Case("SELECT CAST(NULL AS TIMESTAMP), CAST(:none AS TIMESTAMP)", [(None, None)]),
    "whole units between times": Case(
        "SELECT timestampdiff(HOUR, at, until), timestampdiff(MINUTE, at, until), "
        "timestampdiff(SECOND, until, at), "
        "timestampdiff(MICROSECOND, at, until) FROM things ORDER BY id",
        [
            (3, 180, -10800, 10_800_000_002),
            (0, 59, -3540, 3_540_000_000),
            (None, None, None, None),
        ],
    ),
    "microseconds": Case(
        "SELECT unix_micros(at), timestamp_micros(unix_micros(at)), "
        "(unix_micros(LEAST(until, :hour + INTERVAL 1 HOUR)) - unix_micros(GREATEST(at, "
        ":hour))) / 60000000.0D "
        "FROM things WHERE id IN ('a', 'b') ORDER BY id",
        [
            (1774745999999999, AT, 1 / 60000000),
            (1774742459999999, AT - timedelta(minutes=59), 59.0),
        ],
    ),
    "a time as text": Case(
        "SELECT concat(id, '_', date_format(date_trunc('HOUR', at), 'yyyy-MM-dd-HH')), "
        "date_format(at, 'yyyy-MM-dd HH:mm:ss') FROM things ORDER BY id",
        [
            ("a_2026-03-29-00", "2026-03-29 00:59:59"),
            ("b_2026-03-29-00", "2026-03-29 00:00:59"),
            (None, None),
        ],
    ),
    "fields of JSON": Case(
        "SELECT get_json_object(payload, '$.groupId'), get_json_object(payload, '$.n'), "
        "get_json_object(payload, '$.t'), get_json_object(payload, '$.none'), "
        "get_json_object(payload, '$.deep.er'), "
        "get_json_object(payload, '$.missing'), get_json_object(payload, '$.list[1]') FROM "
        "things ORDER BY id",
        [("g1", "5", "true", None, "ü", None, "2"), (None,) * 7, (None,) * 7],
    ),
    "values of a map": Case(
        "SELECT tags['model'], tags[''], tags['missing'] FROM things ORDER BY id",
        [("x", "empty", None), (None, None, None), (None, None, None)],
    ),
    "decimals": Case(
        "SELECT SUM(CAST(score AS DOUBLE)), AVG(CAST(measure AS DOUBLE)), "
        "CAST(SUM(measure) AS DOUBLE), "
        "CAST(MAX(score) AS DECIMAL(10, 4)), MAX(score) > 99.9 FROM things",
        [(100.0, 500000.0, 1000000.0, Decimal("99.9500"), True)],
    ),
    "dividing": Case(
        "SELECT whole / 2, whole DIV 2, whole % 4, large / NULLIF(whole - 7, 0), "
        "try_divide(real, 0) "
        "FROM things WHERE whole IS NOT NULL ORDER BY id",
        [(3.5, 3, 3, None, None), (-3.5, -3, -3, 2 / -14, None)],
    ),
    "large whole numbers": Case(
        "SELECT SUM(large), MAX(large), SUM(whole) FROM things", [(2**53 + 3, 2**53 + 1, 0)]
    ),
    "counting": Case(
        "SELECT COUNT(*), COUNT(whole), COUNT(DISTINCT abs(whole)), COUNT_IF(real > 0), "
        "COUNT(DISTINCT id, whole), "
        "SUM(IF(whole > 0, 1, 0)), MAX(whole) FILTER (WHERE real < 0) FROM things",
        [(3, 2, 1, 1, 2, 1, -7)],
    ),
    "nothing to aggregate": Case(
        "SELECT SUM(whole), AVG(real), COUNT(*) FROM things WHERE id = 'z'", [(None, None, 0)]
    ),
    "rounding": Case(
        "SELECT ROUND(real), ROUND(real / 3, 2), FLOOR(real), CEIL(real), CAST(FLOOR(real) AS INT) "
        "FROM things WHERE id IN ('a', 'b') ORDER BY id",
        [(3.0, 0.83, 2, 3, 2), (-3.0, -0.83, -3, -2, -3)],
    ),
    "the value at the greatest key": Case(
        "SELECT MAX_BY(v, k), MIN_BY(v, k), MAX_BY(v, k) FILTER (WHERE k < 3) "
        "FROM (VALUES (1, 1), (2, 2), (NULL, 3), (9, NULL)) AS pairs(v, k)",
        [(None, 1, 2)],
    ),
    "windows and NULLs in order": Case(
        "SELECT id, ROW_NUMBER() OVER (ORDER BY whole), ROW_NUMBER() OVER (ORDER BY whole DESC), "
        "LAG(id) OVER (ORDER BY whole NULLS LAST), "
        "MAX(at) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) "
        "FROM things ORDER BY whole",
        [("c", 1, 3, "a", AT), ("b", 2, 2, None, AT), ("a", 3, 1, "b", None)],
    ),
    "every hour of a span": Case(
        "SELECT id, explode(sequence(date_trunc('HOUR', at), until, INTERVAL 1 HOUR)) AS "
        "hour FROM things "
        "WHERE id <> 'c' ORDER BY id, hour",
        [
            *[("a", at("2026-03-29 00:00:00") + timedelta(hours=n)) for n in range(5)],
            ("b", at("2026-03-29 00:00:00")),
        ],
    ),
    "every hour of an interval with the row": Case(
        "SELECT id, hours.hour FROM things LATERAL VIEW explode(sequence(:hour, :hour + "
        "INTERVAL 1 HOUR, "
        "INTERVAL 1 HOUR)) hours AS hour WHERE id = 'a' ORDER BY hour",
        [("a", at("2026-03-29 00:00:00")), ("a", at("2026-03-29 01:00:00"))],
    ),
    "joins": Case(
        "SELECT t.id FROM things t LEFT ANTI JOIN (SELECT 'a' AS id) known ON known.id = t.id "
        "LEFT SEMI JOIN things u ON u.id <=> t.id ORDER BY t.id",
        [("b",), ("c",)],
    ),
    "three-valued logic": Case(
        "SELECT whole <=> NULL, whole NOT IN (7, 8), COALESCE(whole, 0), NULL = NULL, id "
        "|| NULL, GREATEST(whole, 0), "
        "LEAST(NULL, whole) FROM things ORDER BY id",
        [
            (False, False, 7, None, None, 7, 7),
            (False, True, -7, None, None, 0, -7),
            (True, None, 0, None, None, 0, None),
        ],
    ),
    "parameters": Case(
        "SELECT :text, :count + 1, 2 * :rate, :none, COALESCE(:none, 5) * 1, 3 * "
        "CAST(:none AS DOUBLE)",
        [("O'Brien :hour", 4, 0.2, None, 5, None)],
    ),
    "unions and common tables": Case(
        "WITH none AS (SELECT CAST(NULL AS STRING) AS id, CAST(NULL AS DOUBLE) AS v WHERE 1 = 0), "
        "some AS (SELECT id, real AS v FROM things) "
        "SELECT id, v FROM some UNION ALL SELECT id, v FROM none UNION ALL SELECT 'd', "
        "CAST(1 AS DOUBLE) ORDER BY id",
        [("a", 2.5), ("b", -2.5), ("c", None), ("d", 1.0)],
    ),
    "grouping by a position and having": Case(
        "SELECT date_trunc('HOUR', at) AS hour, COUNT(*) AS n FROM things GROUP BY 1 "
        "HAVING COUNT(*) > 1",
        [(at("2026-03-29 00:00:00"), 2)],
    ),
}


def plain(answer: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of an answer; columns may have the same name."""
    columns = [column.to_pylist() for column in answer.columns]
    return list(zip(*columns, strict=True))
