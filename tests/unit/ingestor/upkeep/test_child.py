import logging
import os

import pytest

from classwaves_ingestor.upkeep import child
from classwaves_ingestor.upkeep.report import PassReport
from classwaves_runtime.clock import ManualClock
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import TableUpkeep
from tests.support.events import NOW
from tests.support.waiting import wait_until


class FakeUpkeep:
    """Gives these answers one after the other, and then interrupts."""

    def __init__(self, clock, *answers):
        self._clock = clock
        self._answers = list(answers)

    def run_once(self):
        if not self._answers:
            raise KeyboardInterrupt
        answer = self._answers.pop(0)
        self._clock.advance(2)
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(*answers):
    clock, written, pauses = ManualClock(NOW), [], []
    with pytest.raises(KeyboardInterrupt):
        child.run_passes(FakeUpkeep(clock, *answers), 30, clock, pauses.append, written.append)
    return [PassReport.from_json(line) for line in written], pauses


def test_each_pass_is_reported_and_followed_by_a_pause():
    done = [TableUpkeep("a.b", 9, 2)]
    reports, pauses = run(done, done)
    assert [(report.tables, report.seconds, report.error) for report in reports] == [
        (done, 2.0, None)
    ] * 2
    assert all(report.peak_bytes > 1_000_000 for report in reports)
    assert pauses == [30, 30]


def test_a_pass_that_ended_at_its_limit_is_followed_by_the_next_one_at_once():
    _, pauses = run([TableUpkeep("a.b", unfinished=True), TableUpkeep("a.c")])
    assert pauses == []


def test_failed_passes_are_reported_and_logged_once_and_the_next_one_tries_again(caplog):
    caplog.set_level(logging.INFO)
    problem = "the store did not answer"
    reports, pauses = run(
        WarehouseUnavailable(problem), WarehouseUnavailable(problem), [TableUpkeep("a.b")], []
    )
    assert [report.error for report in reports] == [problem, problem, None, None]
    assert pauses == [30] * 4
    assert [record.getMessage() for record in caplog.records] == [
        f"A pass of upkeep failed; the next one tries again: {problem}",
        "Upkeep succeeds again",
    ]


def test_the_process_ends_when_the_pipe_is_at_its_end(monkeypatch):
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    read, write = os.pipe()
    child.end_with(read)
    os.write(write, b"x")
    assert codes == []
    os.close(write)
    wait_until(lambda: codes == [0], "the process has ended")
    os.close(read)
