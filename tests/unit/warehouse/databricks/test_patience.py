import pytest

from classwaves_warehouse.databricks.patience import Patience
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable, WarehouseWarming


class Step:
    """Fails as often as it is told, and remembers its attempts."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.attempts = []

    def __call__(self, attempt):
        self.attempts.append(attempt)
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def patience(pauses):
    return Patience(pauses.append, attempts=3, first=0.2, longest=0.5)


def test_a_step_is_told_which_attempt_it_is(patience, pauses):
    step = Step(WarehouseUnavailable(), WarehouseUnavailable())
    assert patience.settle(step) == "done"
    assert step.attempts == [1, 2, 3]
    assert all(0 <= pause <= 0.5 for pause in pauses)
    assert len(pauses) == 2


def test_the_last_attempts_error_is_the_callers(patience):
    step = Step(*(WarehouseUnavailable(str(n)) for n in range(1, 5)))
    with pytest.raises(WarehouseUnavailable, match="3"):
        patience.settle(step)


def test_what_will_not_mend_itself_is_raised_at_once(patience):
    step = Step(TableMissing())
    with pytest.raises(TableMissing):
        patience.wait(step)
    assert step.attempts == [1]


def test_a_start_is_the_callers_of_a_ledger_and_waited_for_by_readers_beyond_their_attempts(
    patience,
):
    with pytest.raises(WarehouseWarming):
        patience.settle(Step(WarehouseWarming()))
    assert patience.wait(Step(*[WarehouseWarming()] * 9)) == "done"


def test_no_attempt_is_made_after_the_time_but_for_a_start(pauses):
    now = 0.0

    def silent(_attempt):
        nonlocal now
        now += 60
        raise WarehouseUnavailable("silent")

    patience = Patience(pauses.append, seconds=60, monotonic=lambda: now)
    with pytest.raises(WarehouseUnavailable, match="silent"):
        patience.wait(silent)
    assert pauses == []
    now = 0.0
    assert patience.wait(Step(*[WarehouseWarming()] * 9)) == "done"
