"""Faults of server and network under the real connector: no event is lost or stored twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable, WarehouseWarming
from classwaves_warehouse.interface import Stored
from tests.support.rows import STREAM, batch, event, timeline

ROWS, POSITIONS = "MERGE INTO session_events", "MERGE INTO ingestor_positions"
FIRST = batch(event("a", offset=0), event("b", offset=1)), {0: None}, {0: Progress(2)}
SECOND = batch(event("b", offset=2), event("c", offset=3)), {0: 2}, {0: Progress(4)}


def ids(warehouse):
    return [row["id"] for row in timeline(warehouse, "s1").to_pylist()]


def append_until_known(ledger, *append):
    """Append as the consumer does: call again until the outcome is known."""
    while True:
        with suppress(WarehouseUnavailable):
            return ledger.append(*append)


@pytest.fixture
def without_retries(settings):
    """The same tables through a warehouse that does not retry."""
    return DatabricksWarehouse(settings, RetryPolicy(attempts=1))


@pytest.mark.parametrize(
    "fault",
    [
        "lose_request",
        "lose_reply",
        "abandon",
        "conflict",
        "expire_session",
        "expire_session_over_http",
    ],
)
def test_an_append_stores_each_event_once_when_both_statements_fail(databricks, warehouse, fault):
    ledger = warehouse.ledger(STREAM)
    for statement in (ROWS, POSITIONS):
        getattr(databricks.faults, fault)(matching=statement)
    answer = ledger.append(*FIRST)
    assert isinstance(answer, Stored)
    assert (answer.rows, answer.duplicates) == (2, {})
    assert ids(warehouse) == ["a", "b"]
    assert ledger.checkpoints() == {0: Checkpoint(2, 0)}


def test_an_append_stores_each_event_once_when_a_reply_is_lost_three_times(databricks, warehouse):
    ledger = warehouse.ledger(STREAM)
    databricks.faults.lose_reply(times=3, matching=ROWS)
    assert ledger.append(*FIRST) == Stored(2, attempts=4)
    assert len(databricks.log.statements(ROWS)) == 4
    assert ids(warehouse) == ["a", "b"]


def test_the_connector_itself_repeats_no_statement(databricks, warehouse, without_retries):
    """By default it repeats a statement whose reply was lost, and reports success."""
    ledger = without_retries.ledger(STREAM)
    ledger.checkpoints()
    databricks.faults.lose_reply(matching=ROWS)
    with pytest.raises(WarehouseUnavailable, match="Call again with the same arguments"):
        ledger.append(*FIRST)
    assert len(databricks.log.statements(ROWS)) == 1


def test_temporarily_refused_statements_are_retried_by_the_ledger_not_the_connector(
    databricks, warehouse
):
    ledger = warehouse.ledger(STREAM)
    ledger.checkpoints()
    refusals = [(429, None), (429, 1), (503, None), (503, 1), (500, None), (502, None), (504, None)]
    for number, (status, retry_after) in enumerate(refusals):
        databricks.faults.refuse(status, matching=POSITIONS, retry_after=retry_after)
        assert (
            append_until_known(ledger, batch(), {0: number or None}, {0: Progress(number + 1)}).rows
            == 0
        )
    assert ledger.checkpoints() == {0: Checkpoint(len(refusals), 0)}
    assert len(databricks.log.statements(POSITIONS)) == len(refusals)


def test_wrong_credentials_are_reported_at_once_and_nothing_is_stored(databricks, warehouse):
    ledger = warehouse.ledger(STREAM)
    ledger.checkpoints()
    databricks.faults.refuse(401, matching=ROWS)
    with pytest.raises(WarehouseRefused, match=r"HTTP 401.*credentials"):
        ledger.append(*FIRST)
    assert ids(warehouse) == []
    assert ledger.append(*FIRST) == Stored(2)


def test_a_slow_reply_is_waited_for(databricks, warehouse):
    ledger = warehouse.ledger(STREAM)
    ledger.checkpoints()
    databricks.faults.delay(4, matching=ROWS)
    assert ledger.append(*FIRST) == Stored(2)
    assert len(databricks.log.statements(ROWS)) == 1


def test_a_reply_that_comes_too_late_is_a_lost_one(databricks, warehouse, settings):
    # The server answers within 5 s, if only that the statement runs.
    ledger = DatabricksWarehouse(settings, socket_seconds=6).ledger(STREAM)
    databricks.faults.delay(8, matching=ROWS)
    answer = ledger.append(*FIRST)
    assert (answer.rows, answer.duplicates) == (2, {})
    assert ids(warehouse) == ["a", "b"]
    assert ledger.checkpoints() == {0: Checkpoint(2, 0)}


@pytest.mark.parametrize("statement", [ROWS, POSITIONS])
def test_a_second_call_finishes_an_append_that_ran_out_of_attempts(
    databricks, warehouse, without_retries, statement
):
    warehouse.ledger(STREAM).append(*FIRST)
    ledger = without_retries.ledger(STREAM)
    ledger.checkpoints()
    databricks.faults.lose_reply(matching=statement)
    with pytest.raises(WarehouseUnavailable, match="Call again with the same arguments"):
        ledger.append(*SECOND)
    assert ledger.append(*SECOND) == Stored(1, duplicates={0: 1})
    assert ids(warehouse) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("start", "fields"),
    [
        ("cold_start", {}),
        ("cold_start_unavailable", {}),
        ("cold_start_unavailable", {"retry_after": 1}),
        ("cold_start_unavailable", {"retry_after": 1, "rpc": "OpenSession"}),
    ],
)
def test_a_cold_start_is_reported_to_writers_and_waited_for_by_readers(
    databricks, warehouse, settings, start, fields
):
    getattr(databricks.faults, start)(seconds=600, **fields)
    waits = []

    def wait(_seconds):
        waits.append("starting")
        if len(waits) == 3:
            databricks.faults.clear()

    cold = DatabricksWarehouse(settings, RetryPolicy(sleep=wait, attempts=2))
    ledger = cold.ledger(STREAM)
    with pytest.raises(WarehouseWarming, match="starting up"):
        ledger.checkpoints()
    assert cold.events.known([("s1", "a")]) == set()
    assert len(waits) == 3
    assert ledger.append(*FIRST) == Stored(2)


def test_rows_whose_fetch_was_lost_are_read_again(databricks, warehouse):
    many = 150_000  # more than the first answer holds
    with (
        databricks.connect(catalog="classwaves", schema="analytics") as filling,
        filling.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO session_events (id, session_id, teacher_id, event_type, event_time,"
            " kafka_topic_id, kafka_partition, kafka_offset)"
            " SELECT string(id), 's', 't', 'started', timestamp '2026-03-02 08:00:00', "
            f"'{STREAM.topic_id}', 0, id FROM range({many})"
        )
    databricks.log.clear()
    databricks.faults.lose_fetch()
    assert list(warehouse.events.offsets(STREAM, 0, 0, many)) == [*range(many)]
    assert len(databricks.log.statements("kafka_offset")) == 2


def test_four_concurrent_consumers_store_every_event_once(databricks, warehouse):
    start = threading.Barrier(4)

    def consume(partition):
        ledger = warehouse.ledger(STREAM)
        ledger.checkpoints()
        start.wait()
        rows = [event(f"{partition}-{n}", partition=partition, offset=n) for n in range(50)]
        answer = append_until_known(
            ledger, batch(*rows), {partition: None}, {partition: Progress(50)}
        )
        assert (answer.rows, answer.duplicates) == (50, {})

    with ThreadPoolExecutor(4) as consumers:
        list(consumers.map(consume, range(4)))
    assert warehouse.events.size().rows == 4 * 50
    assert warehouse.events.repeated(limit=1) == (0, [])
    assert warehouse.ledger(STREAM).checkpoints() == {
        partition: Checkpoint(50, 0) for partition in range(4)
    }


def test_an_append_continues_after_the_endpoint_was_killed_and_restarted(databricks, warehouse):
    ledger = warehouse.ledger(STREAM)
    ledger.append(*FIRST)
    databricks.kill()
    with ThreadPoolExecutor(1) as thread:
        starting = thread.submit(databricks.start)
        answer = append_until_known(ledger, *SECOND)
        starting.result()
    assert (answer.rows, answer.duplicates) == (1, {0: 1})
    assert ids(warehouse) == ["a", "b", "c"]
