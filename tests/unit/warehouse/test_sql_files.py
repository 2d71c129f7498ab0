import pytest

from classwaves_warehouse.sql_files import load_sql


def test_a_statement_has_no_trailing_newline():
    statement = load_sql("classwaves_warehouse", "known")
    assert statement.startswith("SELECT")
    assert statement == statement.rstrip()


def test_a_placeholder_needs_a_part():
    with pytest.raises(KeyError, match="table"):
        load_sql("classwaves_warehouse.databricks", "ingested_through")
    statement = load_sql("classwaves_warehouse.databricks", "ingested_through", table="positions")
    assert "FROM positions" in statement


def test_an_unknown_file_is_an_error():
    with pytest.raises(FileNotFoundError, match="nothing"):
        load_sql("classwaves_warehouse", "nothing")
