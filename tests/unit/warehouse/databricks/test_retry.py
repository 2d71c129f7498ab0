import pytest

from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.databricks.retry import retry, retry_after_cold_start
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable, WarehouseWarming


class Step:
    """Raises the given errors first, and records its attempts."""

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
def policy(pauses):
    return RetryPolicy(sleep=pauses.append, attempts=3, first=0.2, longest=0.5)


def test_a_step_gets_the_number_of_its_attempt(policy, pauses):
    step = Step(WarehouseUnavailable(), WarehouseUnavailable())
    assert retry(policy, step) == "done"
    assert step.attempts == [1, 2, 3]
    assert all(0 <= pause <= 0.5 for pause in pauses)
    assert len(pauses) == 2


def test_the_error_of_the_last_attempt_is_raised(policy):
    step = Step(*(WarehouseUnavailable(str(n)) for n in range(1, 5)))
    with pytest.raises(WarehouseUnavailable, match="3"):
        retry(policy, step)


def test_a_lasting_error_is_raised_at_once(policy):
    step = Step(TableMissing())
    with pytest.raises(TableMissing):
        retry_after_cold_start(policy, step)
    assert step.attempts == [1]


def test_a_cold_start_is_raised_by_retry_and_waited_for_beyond_the_attempts_after_cold_start(
    policy,
):
    with pytest.raises(WarehouseWarming):
        retry(policy, Step(WarehouseWarming()))
    assert retry_after_cold_start(policy, Step(*[WarehouseWarming()] * 9)) == "done"


def test_no_attempt_starts_after_the_deadline_except_during_a_cold_start(pauses):
    now = 0.0

    def silent(_attempt):
        nonlocal now
        now += 60
        raise WarehouseUnavailable("silent")

    policy = RetryPolicy(sleep=pauses.append, seconds=60, monotonic=lambda: now)
    with pytest.raises(WarehouseUnavailable, match="silent"):
        retry_after_cold_start(policy, silent)
    assert pauses == []
    now = 0.0
    assert retry_after_cold_start(policy, Step(*[WarehouseWarming()] * 9)) == "done"
