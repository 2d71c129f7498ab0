"""Compaction, vacuum and deletes by another process while consumers write."""

import sys

from tests.support import events
from tests.support.mixture import mixture, valid
from tests.support.waiting import wait_until

_ERASED_SESSION = 1000
_RUNS = 5


def test_compaction_deletes_vacuum_and_checkpoints_lose_no_event_except_the_deleted(scenario):
    traffic = scenario.traffic()
    for _ in range(2):
        scenario.consumer()
    erased = [valid(_ERASED_SESSION, number) for number in range(1, 51)]
    traffic.send(erased)
    scenario.wait_until_stored()
    upkeep = [
        sys.executable,
        "-m",
        "tests.support.upkeep",
        str(scenario.table),
        events.session_id(_ERASED_SESSION),
    ]
    with (
        traffic.flowing(mixture(seed=81), per_second=300),
        scenario.environment.start("upkeep", *upkeep) as process,
    ):
        wait_until(
            lambda: process.log.read_text().count("done") >= _RUNS or process.code is not None,
            "upkeep has run five times",
        )
        assert process.code is None, process.log_tail()
    scenario.wait_until_stored()
    stored = scenario.stored()
    gone = {each.identity for each in erased}
    assert stored.keys() == scenario.sent.events.keys() - gone
    assert stored.total() == len(stored)
    code, found = scenario.verify()
    assert (found["total"]["missing"], found["total"]["twice"], code) == (len(gone), 0, 1)
