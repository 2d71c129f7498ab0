import pytest

from classwaves_warehouse.databricks.retry import RetryPolicy
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
def retry(pauses):
    return RetryPolicy(pauses.append, attempts=3, first=0.2, longest=0.5)


def test_a_step_gets_the_number_of_its_attempt(retry, pauses):
    step = Step(WarehouseUnavailable(), WarehouseUnavailable())
    assert retry.run(step) == "done"
    assert step.attempts == [1, 2, 3]
    assert all(0 <= pause <= 0.5 for pause in pauses)
    assert len(pauses) == 2


def test_the_error_of_the_last_attempt_is_raised(retry):
    step = Step(*(WarehouseUnavailable(str(n)) for n in range(1, 5)))
    with pytest.raises(WarehouseUnavailable, match="3"):
        retry.run(step)


def test_a_lasting_error_is_raised_at_once(retry):
    step = Step(TableMissing())
    with pytest.raises(TableMissing):
        retry.run_after_cold_start(step)
    assert step.attempts == [1]


def test_a_cold_start_is_raised_by_run_and_waited_for_beyond_the_attempts_after_cold_start(
    retry,
):
    with pytest.raises(WarehouseWarming):
        retry.run(Step(WarehouseWarming()))
    assert retry.run_after_cold_start(Step(*[WarehouseWarming()] * 9)) == "done"


def test_no_attempt_starts_after_the_deadline_except_during_a_cold_start(pauses):
    now = 0.0

    def silent(_attempt):
        nonlocal now
        now += 60
        raise WarehouseUnavailable("silent")

    retry = RetryPolicy(pauses.append, seconds=60, monotonic=lambda: now)
    with pytest.raises(WarehouseUnavailable, match="silent"):
        retry.run_after_cold_start(silent)
    assert pauses == []
    now = 0.0
    assert retry.run_after_cold_start(Step(*[WarehouseWarming()] * 9)) == "done"
