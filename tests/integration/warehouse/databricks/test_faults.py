"""What a server and a network can do to a statement, done to the real connector: nothing missing, nothing twice."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.rows import STREAM, batch, event
from warehouse.checkpoint import Checkpoint, Progress
from warehouse.databricks import connection
from warehouse.databricks.patience import Patience
from warehouse.databricks.warehouse import DatabricksWarehouse
from warehouse.errors import WarehouseUnavailable, WarehouseWarming
from warehouse.port import Stored

ROWS, POSITIONS = "MERGE INTO session_events", "MERGE INTO ingestor_positions"
FIRST = batch(event("a", offset=0), event("b", offset=1)), {0: None}, {0: Progress(2)}
SECOND = batch(event("b", offset=2), event("c", offset=3)), {0: 2}, {0: Progress(4, dead_lettered={"not_json": 0})}


def ids(warehouse):
    return [row["id"] for row in warehouse.events.timeline("s1").to_pylist()]


def once(attempts=1):
    return Patience(time.sleep, attempts=attempts, first=0.1)


@pytest.mark.parametrize("statement", [ROWS, POSITIONS])
@pytest.mark.parametrize("fault", ["lose_request", "lose_reply", "abandon", "conflict", "expire_session"])
def test_a_statement_that_goes_wrong_in_any_way_leaves_each_event_once(databricks, warehouse, fault, statement):
    ledger = warehouse.ledger(STREAM)
    getattr(databricks.faults, fault)(matching=statement)
    answer = ledger.append(*FIRST)
    assert isinstance(answer, Stored)
    assert (answer.rows, answer.duplicates) == (2, {})
    assert ids(warehouse) == ["a", "b"]
    assert ledger.checkpoints() == {0: Checkpoint(2, 0)}


@pytest.mark.parametrize("retry_after", [None, 1])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_refused_statement_is_sent_again_by_us_and_not_by_the_connector(databricks, warehouse, status, retry_after):
    ledger = warehouse.ledger(STREAM)
    ledger.checkpoints()
    databricks.faults.refuse(status, matching=POSITIONS, retry_after=retry_after)
    assert ledger.append(batch(), {0: None}, {0: Progress(7, 7)}).rows == 0
    assert ledger.checkpoints() == {0: Checkpoint(7, 7)}
    assert len(databricks.log.statements(POSITIONS)) == 1


def test_the_connector_itself_sends_nothing_twice(databricks, settings, warehouse):
    """By default it repeats a statement whose reply was lost, and reports success."""
    ledger = DatabricksWarehouse(settings, once()).ledger(STREAM)
    ledger.checkpoints()
    databricks.faults.lose_reply(matching=ROWS)
    with pytest.raises(WarehouseUnavailable):
        ledger.append(*FIRST)
    assert len(databricks.log.statements(ROWS)) == 1


def test_a_reply_that_comes_too_late_is_a_lost_one(databricks, warehouse, monkeypatch):
    ledger = warehouse.ledger(STREAM)
    ledger.append(*FIRST)
    monkeypatch.setattr(connection, "_SOCKET_SECONDS", 20)
    hasty = warehouse.ledger(STREAM)
    hasty.checkpoints()
    databricks.faults.delay(25, matching=POSITIONS)
    answer = hasty.append(batch(event("c", offset=2)), {0: 2}, {0: Progress(3)})
    assert (answer.rows, answer.duplicates) == (1, {})
    assert hasty.checkpoints() == {0: Checkpoint(3, 0)}


@pytest.mark.parametrize("statement", [ROWS, POSITIONS])
@pytest.mark.parametrize("fault", ["lose_request", "lose_reply"])
def test_a_ledger_that_gave_up_settles_the_append_when_called_again(databricks, settings, warehouse, fault, statement):
    warehouse.ledger(STREAM).append(*FIRST)
    ledger = DatabricksWarehouse(settings, once()).ledger(STREAM)
    ledger.checkpoints()
    getattr(databricks.faults, fault)(matching=statement)
    with pytest.raises(WarehouseUnavailable, match="Call again with the same arguments"):
        ledger.append(*SECOND)
    answer = ledger.append(*SECOND)
    assert (answer.rows, answer.duplicates, answer.conflicting) == (1, {0: 1}, {})
    assert ids(warehouse) == ["a", "b", "c"]


@pytest.mark.parametrize("start", ["cold_start", "cold_start_unavailable"])
def test_a_cold_warehouse_is_told_from_a_broken_one_and_waited_for(databricks, warehouse, start):
    getattr(databricks.faults, start)(seconds=12)
    ledger = warehouse.ledger(STREAM)
    with pytest.raises(WarehouseWarming, match="starting up"):
        ledger.checkpoints()
    assert warehouse.events.known([("s1", "a")]) == set()  # readers wait
    assert ledger.append(*FIRST) == Stored(2)


def test_rows_whose_fetch_was_lost_are_read_again(databricks, warehouse):
    ledger = warehouse.ledger(STREAM)
    events = [event(str(n), offset=n, minutes=n / 60, payload="x" * 1000) for n in range(3000)]
    ledger.append(batch(*events), {0: None}, {0: Progress(3000)})
    databricks.faults.lose_fetch()
    assert warehouse.events.timeline("s1").num_rows == 3000


def test_an_endpoint_that_is_killed_and_restarted_is_found_again(databricks, warehouse):
    ledger = warehouse.ledger(STREAM)
    ledger.append(*FIRST)
    databricks.kill()
    with ThreadPoolExecutor(1) as thread:
        starting = thread.submit(databricks.start)
        answer = None
        while answer is None:
            try:
                answer = ledger.append(*SECOND)
            except WarehouseUnavailable:
                time.sleep(1)
        starting.result()
    assert (answer.rows, answer.duplicates) == (1, {0: 1})
    assert ids(warehouse) == ["a", "b", "c"]
