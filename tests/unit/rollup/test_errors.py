from classwaves_rollup.errors import error_summary
from classwaves_warehouse.errors import TableMissing, WarehouseRefused, WarehouseUnavailable


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except type(error) as raised:
        return raised


def test_an_error_of_ours_is_summarised_on_one_line():
    assert error_summary(TableMissing("analytics.x does not exist.\nRun y.")) == (
        "TableMissing: analytics.x does not exist. Run y."
    )


def test_the_message_of_an_engine_is_left_out_since_it_may_quote_a_payload():
    engine = ValueError("Could not convert string 'Maya is late' to INT32")
    summary = error_summary(
        caught(WarehouseRefused(f"DuckDB does not understand the statement: {engine}"), engine)
    )
    assert summary == "WarehouseRefused: DuckDB does not understand the statement (ValueError)"


def test_quoted_text_is_left_out():
    assert "Maya" not in error_summary(WarehouseUnavailable("""cannot read 'Maya' or "Maya" now"""))


def test_of_an_error_that_is_not_ours_only_type_and_line_are_kept():
    assert error_summary(caught(ValueError("Maya"))).startswith("ValueError at test_errors.py:")
    assert error_summary(ValueError("Maya")) == "ValueError"


def test_a_long_error_is_cut():
    assert len(error_summary(WarehouseUnavailable("x" * 10_000))) == 500
