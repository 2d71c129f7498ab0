"""Compaction, vacuum and deletes by another process while consumers write."""

import sys
from itertools import islice

from deltalake import DeltaTable

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


def test_files_that_are_vacuumed_before_another_consumer_has_read_them_hide_no_repeat(scenario):
    """Two partitioners put the same sessions into partitions of both consumers."""
    murmur2, crc32 = scenario.traffic(), scenario.traffic("consistent_random")
    running, frozen = (scenario.consumer(KAFKA_SESSION_TIMEOUT_MS="45000") for _ in range(2))
    for each in (running, frozen):
        scenario.wait_for_share(each, 2)
    for traffic in (murmur2, crc32):
        traffic.send(islice(mixture(seed=82), 200))
    scenario.wait_until_stored()
    owned = scenario.owned(running)
    frozen.freeze()
    for traffic in (murmur2, crc32):
        traffic.send(islice(mixture(seed=83), 400))
    scenario.wait_until_stored(owned)
    table = DeltaTable(scenario.table)
    table.optimize.compact()
    assert table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    frozen.thaw()
    scenario.wait_until_stored()
    scenario.prove()
