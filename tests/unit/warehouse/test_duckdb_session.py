import pyarrow as pa
import pytest

from classwaves_schemas.arrow import arrow_schema
from classwaves_warehouse.duckdb_session import DuckDBSession
from classwaves_warehouse.errors import WarehouseRefused
from tests.support.dialect import CASES, PARAMETERS, ROWS, THINGS, Case, plain


@pytest.fixture(scope="module")
def duck():
    with DuckDBSession(
        {"things": pa.Table.from_pylist(ROWS, schema=arrow_schema(THINGS))}
    ) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_duckdb_answers_as_spark_does(duck, case: Case):
    assert plain(duck.query(case.sql, PARAMETERS)) == case.rows


@pytest.mark.parametrize(
    "sql",
    [
        "SELEC 1",
        "SELECT 'it",
        "SELECT nothing FROM things",
        "SELECT :unknown",
        "SELECT * FROM nowhere",
    ],
)
def test_a_statement_that_is_wrong_is_refused(duck, sql):
    with pytest.raises(WarehouseRefused):
        duck.query(sql, {})


def test_times_are_utc_microseconds_and_sums_are_whole(duck):
    answer = duck.query("SELECT at, SUM(large) AS total FROM things GROUP BY at", {})
    assert answer.schema.types == [pa.timestamp("us", tz="UTC"), pa.int64()]
