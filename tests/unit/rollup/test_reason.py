from classwaves_rollup.reason import reason
from classwaves_warehouse.errors import TableMissing, WarehouseRefused, WarehouseUnavailable


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except type(error) as raised:
        return raised


def test_an_error_of_ours_is_told_in_its_own_words_on_one_line():
    assert reason(TableMissing("analytics.x does not exist.\nRun y.")) == (
        "TableMissing: analytics.x does not exist. Run y."
    )


def test_what_an_engine_said_is_left_out_since_it_may_quote_a_payload():
    engine = ValueError("Could not convert string 'Maya is late' to INT32")
    told = reason(
        caught(WarehouseRefused(f"DuckDB does not understand the statement: {engine}"), engine)
    )
    assert told == "WarehouseRefused: DuckDB does not understand the statement (ValueError)"


def test_what_is_quoted_is_left_out():
    assert "Maya" not in reason(WarehouseUnavailable("""cannot read 'Maya' or "Maya" now"""))


def test_of_an_error_that_is_not_ours_only_kind_and_place_are_told():
    assert reason(caught(ValueError("Maya"))).startswith("ValueError at test_reason.py:")
    assert reason(ValueError("Maya")) == "ValueError"


def test_a_long_error_is_cut():
    assert len(reason(WarehouseUnavailable("x" * 10_000))) == 500
