"""Each fault as the client sees it, and which statements the endpoint executed."""

from contextlib import suppress

import pytest
from databricks.sql.exc import DatabaseError, DataError, RequestError, ServerOperationError

from local.databricks.control import NO_DIRECTORY
from tests.support.waiting import wait_until

# The connector's shortest retry budget: one second, which the first pause already exceeds.
ONCE = {"_retry_stop_after_attempts_duration": 1}
INSERT = "INSERT INTO classwaves.analytics.events VALUES ('a', NULL)"
OURS = "^INSERT INTO classwaves.analytics.events "


@pytest.fixture
def connect(databricks):
    """Returns cursors of connections with options; closes the connections afterwards."""
    connections = []

    def open_cursor(**options):
        connections.append(databricks.connect(**options))
        return connections[-1].cursor()

    yield open_cursor
    for connection in connections:
        connection.close()


@pytest.fixture
def stored(cursor, events_table):
    """Counts the rows in the table."""
    return lambda: cursor.execute(f"SELECT count(*) FROM {events_table}").fetchone()[0]


@pytest.fixture
def faults(databricks):
    return databricks.faults


@pytest.fixture
def executed(databricks):
    """Counts the executions of INSERT."""
    return lambda: len(databricks.log.statements(OURS))


def test_a_lost_reply_makes_the_connector_insert_twice_and_report_success(
    faults, connect, executed, stored
):
    faults.lose_reply(matching=OURS)
    connect().execute(INSERT)
    assert (executed(), stored()) == (2, 2)


def test_without_retries_a_lost_reply_is_an_unknown_outcome(faults, connect, executed, stored):
    faults.lose_reply(matching=OURS)
    with pytest.raises(RequestError):
        connect(**ONCE).execute(INSERT)
    assert (executed(), stored()) == (1, 1)


def test_a_lost_request_was_not_executed(faults, connect, executed, stored):
    faults.lose_request(matching=OURS)
    with pytest.raises(RequestError):
        connect(**ONCE).execute(INSERT)
    assert (executed(), stored()) == (0, 0)


def test_the_connector_retries_a_lost_request(faults, connect, executed, stored):
    faults.lose_request(matching=OURS)
    connect().execute(INSERT)
    assert (executed(), stored()) == (1, 1)


def test_an_abandoned_statement_runs_to_its_end(faults, connect, databricks, stored):
    faults.abandon(matching=OURS)
    with pytest.raises(RequestError):
        connect(**ONCE).execute(INSERT)
    wait_until(
        lambda: [execution.state for execution in databricks.log.executions(OURS)] == ["finished"],
        "the statement has begun and ended",
    )
    assert stored() == 1


def test_a_reply_later_than_the_socket_timeout_is_an_unknown_outcome(
    faults, connect, executed, stored
):
    cursor = connect(_socket_timeout=2, **ONCE)
    faults.delay(4, matching=OURS)
    with pytest.raises(RequestError):
        cursor.execute(INSERT)
    while not stored():
        pass
    assert (executed(), stored()) == (1, 1)


def test_a_late_reply_is_waited_for(faults, connect, executed, stored):
    faults.delay(1, matching=OURS)
    connect().execute(INSERT)
    assert (executed(), stored()) == (1, 1)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", [None, 1])
def test_a_refused_statement_was_not_executed(
    faults, connect, executed, stored, status, retry_after
):
    faults.refuse(status, matching=OURS, retry_after=retry_after)
    with pytest.raises(RequestError):
        connect(**ONCE).execute(INSERT)
    assert (executed(), stored()) == (0, 0)


def test_the_connector_retries_a_refused_statement(faults, connect, executed, stored):
    faults.refuse(503, matching=OURS, retry_after=1)
    connect(_retry_delay_max=5).execute(INSERT)
    assert (executed(), stored()) == (1, 1)


def test_an_expired_session_rejects_this_statement_and_all_later_ones(
    faults, connect, executed, stored
):
    cursor = connect()
    faults.expire_session(matching=OURS)
    for _ in range(2):
        with pytest.raises(
            DatabaseError, match=r"Invalid SessionHandle: SessionHandle \[[0-9a-f-]{36}\]"
        ):
            cursor.execute(INSERT)
    assert (executed(), stored()) == (0, 0)
    connect().execute(INSERT)
    assert (executed(), stored()) == (1, 1)


def test_an_expired_session_may_be_reported_by_an_http_status(faults, connect, executed, stored):
    faults.expire_session_over_http(matching=OURS)
    with pytest.raises(
        RequestError, match=r"Invalid SessionHandle: Session \[[0-9a-f-]{36}\] is closed"
    ):
        connect(**ONCE).execute(INSERT)
    assert (executed(), stored()) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "has not been initialized or had already closed"),
        ({"message": NO_DIRECTORY}, "Couldn't create directory"),
    ],
)
def test_a_cold_warehouse_opens_sessions_and_rejects_their_statements(
    faults, connect, executed, stored, arguments, message
):
    faults.cold_start(600, matching=OURS, **arguments)
    for _ in range(3):
        with pytest.raises(DatabaseError, match=message):
            connect().execute(INSERT)
    assert (executed(), stored()) == (0, 0)


def test_a_cold_warehouse_may_answer_503_instead(faults, connect, executed, stored):
    faults.cold_start_unavailable(600, matching=OURS)
    for _ in range(3):
        with pytest.raises(RequestError):
            connect(**ONCE).execute(INSERT)
    assert (executed(), stored()) == (0, 0)


def test_a_cold_warehouse_executes_statements_once_it_has_started(
    faults, connect, executed, stored
):
    faults.cold_start(1, matching=OURS)
    cursor = connect()
    with pytest.raises(DatabaseError):
        cursor.execute(INSERT)
    while not executed():
        with suppress(DatabaseError):
            cursor.execute(INSERT)
    assert (executed(), stored()) == (1, 1)


def test_a_conflict_fails_the_statement_and_changes_nothing(faults, connect, executed, stored):
    faults.conflict(matching=OURS)
    with pytest.raises(ServerOperationError, match="DELTA_CONCURRENT_APPEND"):
        connect().execute(INSERT)
    assert (executed(), stored()) == (0, 0)


def test_the_connector_reports_the_rows_of_a_lost_fetch_as_skipped(faults, connect):
    cursor = connect()
    cursor.execute("SELECT id FROM range(300000)")
    faults.lose_fetch()
    with pytest.raises(DataError, match="must have been skipped"):
        cursor.fetchall_arrow()


def test_a_fault_affects_its_number_of_matching_statements(faults, connect, executed):
    faults.conflict(times=2, matching="INSERT INTO .*events")
    cursor = connect()
    cursor.execute("SELECT 1")
    for _ in range(2):
        with pytest.raises(ServerOperationError):
            cursor.execute(INSERT)
    cursor.execute("SELECT 2")
    assert executed() == 0


def test_cleared_faults_do_not_strike(faults, connect):
    faults.conflict(times=9)
    faults.clear()
    connect().execute("SELECT 1")
