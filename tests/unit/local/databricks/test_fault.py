import pytest

from local.databricks.errors import ConnectionLost, Refused, Rejected
from local.databricks.fault import DIRECT_WAIT, Failed, Fault, Kind, PendingFaults, suffer

CONFLICT = Fault(Kind.FAIL, matching="MERGE", times=2)


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


def test_a_fault_comes_as_often_as_told_to_statements_that_it_matches(pending):
    pending.add(CONFLICT)
    assert _take(pending, "SELECT 1") is None
    assert [_take(pending) for _ in range(3)] == [CONFLICT, CONFLICT, None]


def test_a_fault_of_another_call_waits_for_that_call(pending):
    lost = Fault(Kind.LOSE_REPLY, rpc="FetchResults")
    pending.add(lost)
    assert _take(pending) is None
    assert _take(pending, rpc="FetchResults") is lost


def test_faults_come_in_the_order_in_which_they_were_added(pending):
    first, second = Fault(Kind.LOSE_REPLY), Fault(Kind.LOSE_REQUEST)
    pending.add(first)
    pending.add(second)
    assert [_take(pending), _take(pending)] == [first, second]


def test_a_lasting_fault_comes_until_its_time_is_over(pending, clock):
    cold = Fault(Kind.REJECT, times=None, lasting=5)
    pending.add(cold)
    clock.now += 4.9
    assert [_take(pending), _take(pending)] == [cold, cold]
    clock.now += 0.1
    assert _take(pending) is None


def test_cleared_faults_do_not_come(pending):
    pending.add(CONFLICT)
    pending.clear()
    assert _take(pending) is None


@pytest.mark.parametrize(
    ("kind", "error", "waits"),
    [
        (Kind.LOSE_REQUEST, ConnectionLost, []),
        (Kind.ABANDON, ConnectionLost, [0]),
        (Kind.LOSE_REPLY, ConnectionLost, [None]),
        (Kind.REFUSE, Refused, []),
        (Kind.REJECT, Rejected, []),
        (Kind.FAIL, Failed, []),
    ],
)
def test_a_fault_without_a_reply_does_before_it_what_its_name_says(kind, error, waits):
    waited = []
    with pytest.raises(error):
        suffer(Fault(kind, message="{session}"), "s1", waited.append, lambda: None)
    assert waited == waits


def test_a_message_names_the_session():
    with pytest.raises(Rejected, match=r"Session \[s1\]"):
        suffer(
            Fault(Kind.REJECT, message="Session [{session}]"), "s1", lambda _: None, lambda: None
        )


def test_an_expired_session_is_closed_before_its_statement_is_answered():
    happened = []
    suffer(Fault(Kind.EXPIRE), "s1", happened.append, lambda: happened.append("closed"))
    assert happened == ["closed", DIRECT_WAIT]


def test_without_a_fault_a_request_is_answered():
    assert suffer(None, "s1", lambda patience: patience, lambda: None) == DIRECT_WAIT
