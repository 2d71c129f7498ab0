import pytest

from local.databricks.errors import (
    ConnectionLost,
    HTTPStatusError,
    RequestRejected,
    StatementFailed,
)
from local.databricks.faults import (
    DIRECT_RESULT_SECONDS,
    Fault,
    FaultKind,
    PendingFaults,
    apply_fault,
)

CONFLICT = Fault(FaultKind.FAIL, matching="MERGE", times=2)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pending(clock):
    return PendingFaults(clock)


def _take(pending, statement="MERGE INTO t", rpc="ExecuteStatement"):
    return pending.take(rpc, statement)


def test_a_fault_affects_its_number_of_matching_statements(pending):
    pending.add(CONFLICT)
    assert _take(pending, "SELECT 1") is None
    assert [_take(pending) for _ in range(3)] == [CONFLICT, CONFLICT, None]


def test_a_fault_for_another_call_waits_for_that_call(pending):
    lost = Fault(FaultKind.LOSE_REPLY, rpc="FetchResults")
    pending.add(lost)
    assert _take(pending) is None
    assert _take(pending, rpc="FetchResults") is lost


def test_faults_strike_in_the_order_in_which_they_were_added(pending):
    first, second = Fault(FaultKind.LOSE_REPLY), Fault(FaultKind.LOSE_REQUEST)
    pending.add(first)
    pending.add(second)
    assert [_take(pending), _take(pending)] == [first, second]


def test_a_lasting_fault_strikes_until_its_time_is_over(pending, clock):
    cold = Fault(FaultKind.REJECT, times=None, lasting=5)
    pending.add(cold)
    clock.now += 4.9
    assert [_take(pending), _take(pending)] == [cold, cold]
    clock.now += 0.1
    assert _take(pending) is None


def test_cleared_faults_do_not_strike(pending):
    pending.add(CONFLICT)
    pending.clear()
    assert _take(pending) is None


@pytest.mark.parametrize(
    ("kind", "error", "waits"),
    [
        (FaultKind.LOSE_REQUEST, ConnectionLost, []),
        (FaultKind.ABANDON, ConnectionLost, [0]),
        (FaultKind.LOSE_REPLY, ConnectionLost, [None]),
        (FaultKind.REFUSE, HTTPStatusError, []),
        (FaultKind.REJECT, RequestRejected, []),
        (FaultKind.FAIL, StatementFailed, []),
    ],
)
def test_a_fault_without_a_reply_raises_its_error_before_or_after_the_execution(kind, error, waits):
    waited = []
    with pytest.raises(error):
        apply_fault(Fault(kind, message="{session}"), "s1", waited.append, lambda: None)
    assert waited == waits


def test_a_message_names_the_session():
    with pytest.raises(RequestRejected, match=r"Session \[s1\]"):
        apply_fault(
            Fault(FaultKind.REJECT, message="Session [{session}]"),
            "s1",
            lambda _: None,
            lambda: None,
        )


def test_an_expired_session_is_closed_before_its_statement_is_answered():
    happened = []
    apply_fault(Fault(FaultKind.EXPIRE), "s1", happened.append, lambda: happened.append("closed"))
    assert happened == ["closed", DIRECT_RESULT_SECONDS]


def test_without_a_fault_a_request_is_answered():
    assert apply_fault(None, "s1", lambda timeout: timeout, lambda: None) == DIRECT_RESULT_SECONDS
