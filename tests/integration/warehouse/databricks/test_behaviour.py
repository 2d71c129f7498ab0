"""The suites of the memory and Delta adapters, through the real connector on Spark and Delta."""

import pytest

from classwaves_warehouse.checkpoint import Progress
from tests.support.rows import STREAM, batch, event
from tests.support.warehouse_behaviour import WarehouseBehaviour
from tests.support.warehouse_faults import WarehouseFaults, strike_at


class TestDatabricksWarehouse(WarehouseBehaviour):
    """Without faults."""

    turns = 2


def test_an_append_costs_a_statement_for_rows_one_for_positions_and_a_select_for_repeats(
    databricks, warehouse
):
    ledger = warehouse.ledger(STREAM)
    ledger.append(batch(event("a")), {0: None}, {0: Progress(1)})
    for id_, offset, kinds in [
        ("b", 1, ["ROWS", "POSITIONS"]),
        ("b", 2, ["ROWS", "SELECT", "POSITIONS"]),
    ]:
        databricks.log.clear()
        ledger.append(batch(event(id_, offset=offset)), {0: offset}, {0: Progress(offset + 1)})
        assert [kind(statement) for statement in databricks.log.statements()] == kinds


def kind(statement):
    if "MERGE" not in statement:
        return "SELECT"
    return "POSITIONS" if "MERGE INTO ingestor_positions" in statement else "ROWS"


class TestDatabricksWarehouseUnderFaults(WarehouseFaults):
    """Interrupted between and after the two statements."""

    @pytest.fixture(params=["rows-added", "positions-moved"])
    def strike(self, request, monkeypatch):
        return strike_at(monkeypatch, request.param)
