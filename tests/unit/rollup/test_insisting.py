from unittest.mock import Mock

import pytest
from tenacity import wait_none

from classwaves_rollup import insisting
from classwaves_rollup.errors import Overtaken
from classwaves_rollup.insisting import insist
from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import Runs
from tests.support.school import TEN

DONE = Run(TEN, "ours", State.DONE)


@pytest.fixture
def ledger(monkeypatch):
    """What the ledger says each time that it is read."""
    said = []
    monkeypatch.setattr(insisting, "read_runs", lambda _: Runs({TEN: said.pop(0)}))
    monkeypatch.setattr(insisting, "_PAUSE", wait_none())
    return said


def done(run):
    return run.state is State.DONE


def test_an_hour_that_nobody_else_wants_is_computed_at_once(ledger):
    assert insist(Mock(compute=Mock(return_value=DONE)), TEN, Runs({}), {}, done) == DONE


def test_what_another_run_has_finished_meanwhile_will_do(ledger):
    theirs = Run(TEN, "theirs", State.DONE)
    ledger.append(theirs)
    assert insist(Mock(compute=Mock(side_effect=Overtaken)), TEN, Runs({}), {}, done) == theirs


def test_what_another_run_does_not_finish_is_taken_over(ledger):
    theirs = Run(TEN, "theirs", State.RUNNING)
    ledger.extend([theirs, theirs])
    compute = Mock(side_effect=[Overtaken, Overtaken, DONE])
    assert insist(Mock(compute=compute), TEN, Runs({}), {}, done) == DONE
    assert [call.args[1] for call in compute.call_args_list] == [None, theirs, theirs]


def test_who_is_overtaken_again_and_again_gives_up(ledger):
    ledger.extend([Run(TEN, "theirs", State.RUNNING)] * 20)
    with pytest.raises(Overtaken):
        insist(Mock(compute=Mock(side_effect=Overtaken)), TEN, Runs({}), {}, done)
