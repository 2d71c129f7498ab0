"""Opening, losing and closing a session, with a fake connector."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from classwaves_runtime.clock import ManualClock
from classwaves_warehouse.databricks.session import ColdStartTimer, Session
from classwaves_warehouse.errors import (
    TableMissing,
    WarehouseRefused,
    WarehouseUnavailable,
    WarehouseWarming,
)

LOST = (
    "requirement failed: Session handle: SessionHandle [x] has not been initialized"
    " or had already closed."
)


class ConnectorError(Exception):
    def __init__(self, message, code=None):
        super().__init__(message)
        self.context = {} if code is None else {"http-code": code}


class Connector:
    """Opens connections whose statements raise the next errors."""

    def __init__(self):
        self.errors = []
        self.executed = []
        self.opened = self.closed = 0

    def connect(self):
        self.opened += 1
        return self

    def close(self):
        self.closed += 1

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, statement, parameters):
        self.executed.append(statement)
        if statement.startswith("USE"):
            return
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def fetchall_arrow(self):
        return pa.table({"x": [1]})


@pytest.fixture
def clock():
    return ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def connector():
    return Connector()


@pytest.fixture
def session(connector, clock):
    return Session(
        connector.connect, "analytics", "warehouse abc", clock, ColdStartTimer(600, clock)
    )


def test_statements_share_a_session_in_their_schema(session, connector):
    session.run("A")
    session.run("B")
    assert connector.opened == 1
    assert connector.executed == ["USE SCHEMA analytics", "A", "B"]


@pytest.mark.parametrize("seconds", [[601], [500] * 8])
def test_a_session_is_replaced_before_it_goes_stale(session, connector, clock, seconds):
    session.run("A")
    for each in seconds:
        clock.advance(each)
        session.run("B")
    assert (connector.opened, connector.closed) == (2, 1)


@pytest.mark.parametrize(
    "error",
    [ConnectorError(LOST), ConnectorError("Invalid SessionHandle"), ConnectorError("gone", 404)],
)
def test_a_lost_session_is_replaced_and_the_statement_run_there(session, connector, error):
    connector.errors = [None, error]
    session.run("A")
    session.run("B")
    assert connector.executed == ["USE SCHEMA analytics", "A", "B", "USE SCHEMA analytics", "B"]


@pytest.mark.parametrize(
    ("error", "mapped"),
    [
        (ConnectorError("Error during request to server", 503), WarehouseUnavailable),
        (
            ConnectorError("[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added"),
            WarehouseUnavailable,
        ),
        (ConnectorError("Error during request to server. read timed out"), WarehouseUnavailable),
        (
            ConnectorError("Error during request to server. Invalid access token", 403),
            WarehouseRefused,
        ),
        (
            ConnectorError(
                "Error during request to server. Failed to get token: 401 invalid_client"
            ),
            WarehouseRefused,
        ),
        (
            ConnectorError("Error during request to server. Failed to get token: 503 later"),
            WarehouseUnavailable,
        ),
        (
            ConnectorError("User does not have USE CATALOG permission. SQLSTATE: 42501"),
            WarehouseRefused,
        ),
        (
            ConnectorError(
                "[TABLE_OR_VIEW_NOT_FOUND] `session_events` cannot be found. SQLSTATE: 42P01"
            ),
            TableMissing,
        ),
        (
            ConnectorError("[SCHEMA_NOT_FOUND] The schema cannot be found. SQLSTATE: 42704"),
            TableMissing,
        ),
        (
            ConnectorError("TEMPORARILY_UNAVAILABLE: The SQL warehouse is starting", 503),
            WarehouseWarming,
        ),
        (ConnectorError("Unexpected error: Unknown state STARTING"), WarehouseWarming),
        (
            ConnectorError("Couldn't create directory /local_disk0/tmp/x/_resources"),
            WarehouseWarming,
        ),
    ],
)
def test_an_error_of_the_connector_is_mapped_and_ends_the_session(
    session, connector, error, mapped
):
    connector.errors = [error]
    with pytest.raises(mapped) as raised:
        session.run("A")
    assert type(raised.value) is mapped
    assert str(raised.value).startswith("warehouse abc: ")
    session.run("B")
    assert (connector.opened, connector.closed) == (2, 1)


def test_a_message_leaves_out_sparks_plan_since_it_may_hold_values(session, connector):
    connector.errors = [ConnectorError("no\n'Project ['Maya]")]
    with pytest.raises(WarehouseUnavailable) as raised:
        session.run("A")
    assert "Maya" not in str(raised.value)


def test_a_warehouse_that_loses_every_session_is_starting_until_the_budget_is_spent(
    session, connector, clock
):
    connector.errors = [ConnectorError(LOST)] * 12
    for passed in (0, 150, 150, 150, 149):
        clock.advance(passed)
        with pytest.raises(WarehouseWarming):
            session.run("A")
    clock.advance(1)
    with pytest.raises(
        WarehouseUnavailable, match="has been starting for 600 s, longer than"
    ) as raised:
        session.run("A")
    assert not isinstance(raised.value, WarehouseWarming)


def test_a_cold_start_hours_after_another_has_its_own_budget(session, connector, clock):
    connector.errors = [ConnectorError(LOST)] * 4
    for passed in (0, 7 * 3600):
        clock.advance(passed)
        with pytest.raises(WarehouseWarming):
            session.run("A")


def test_an_answer_restores_the_budget(session, connector, clock):
    start = [ConnectorError(LOST)] * 2
    connector.errors = [*start, None, *start]
    with pytest.raises(WarehouseWarming):
        session.run("A")
    clock.advance(599)
    session.run("A")
    clock.advance(599)
    with pytest.raises(WarehouseWarming):
        session.run("A")
