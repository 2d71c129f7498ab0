"""Upkeep beside consumers, other upkeep, deletes and kills: no event is lost, none is doubled."""

import os
import signal
import sys
from itertools import islice
from pathlib import Path

import pytest
from deltalake import CommitProperties, DeltaTable, Transaction

from tests.support import events
from tests.support.mixture import mixture, valid
from tests.support.waiting import wait_until

_ERASED_SESSION = 1000
_RUNS = 5
_POINTS = ("upkeep-chosen", "upkeep-written", "upkeep-checked", "upkeep-committed")


@pytest.fixture
def many_files(scenario):
    """A scenario whose table has files enough for a group, and consumers that go on."""
    messages, traffic = mixture(seed=84), scenario.traffic()
    for _ in range(2):
        scenario.consumer()
    erased = [valid(_ERASED_SESSION, number) for number in range(1, 51)]
    traffic.send(erased)

    def fill():
        traffic.send(islice(messages, 20))
        return files(scenario) >= 20

    wait_until(fill, "the table has twenty files")
    scenario.wait_until_stored()
    return scenario


def files(scenario):
    return DeltaTable(scenario.table).get_add_actions().num_rows


def finished(upkeep):
    upkeep.thaw()
    assert upkeep.ended() == 0, upkeep.log_tail()
    return upkeep.log.read_text()


@pytest.mark.parametrize("point", ["upkeep-written", "upkeep-checked"])
def test_files_that_another_upkeep_replaces_meanwhile_are_not_replaced_again(many_files, point):
    scenario = many_files
    frozen = scenario.upkeep(FAILPOINTS=f"{point}=stop@1")
    frozen.wait_until_frozen()
    assert " 1 groups" in finished(scenario.upkeep())
    assert "0 groups with 0 rows rewritten, 1 lost" in finished(frozen)
    scenario.prove()


@pytest.mark.parametrize("fenced", [True, False], ids=["with upkeep id", "of another tool"])
def test_rows_that_are_deleted_while_their_files_are_rewritten_do_not_return(many_files, fenced):
    scenario = many_files
    frozen = scenario.upkeep(FAILPOINTS="upkeep-checked=stop@1")
    frozen.wait_until_frozen()
    properties = CommitProperties(app_transactions=[Transaction("upkeep", 1)]) if fenced else None
    erased = f"session_id = '{events.session_id(_ERASED_SESSION)}'"
    DeltaTable(scenario.table).delete(erased, commit_properties=properties)
    finished(frozen)
    assert " 1 groups" in finished(scenario.upkeep())
    stored = scenario.stored()
    gone = {valid(_ERASED_SESSION, number).identity for number in range(1, 51)}
    assert stored.keys() == scenario.sent.events.keys() - gone
    assert stored.total() == len(stored)


@pytest.mark.parametrize("point", _POINTS)
def test_a_kill_at_a_step_of_upkeep_loses_nothing_and_doubles_nothing(many_files, point):
    scenario = many_files
    killed = scenario.upkeep(FAILPOINTS=f"{point}=kill@1")
    assert killed.ended() == -signal.SIGKILL
    scenario.prove()
    done = finished(scenario.upkeep())
    assert files(scenario) < 20, done
    scenario.prove()


def test_upkeep_of_consumers_and_of_a_command_beside_appends_loses_and_doubles_nothing(scenario):
    for _ in range(2):
        scenario.consumer(UPKEEP_SECONDS="0.2")
    passes = 0
    with scenario.traffic().flowing(mixture(seed=85), per_second=400):
        while passes < _RUNS:
            finished(scenario.upkeep())
            passes += 1
    scenario.wait_until_stored()
    scenario.prove()
    versions = DeltaTable(scenario.table).history()
    assert sum(each.get("upkeep") == "compaction" for each in versions) >= 2
    assert files(scenario) < len(versions) / 2


def test_the_upkeep_process_ends_with_a_killed_consumer_and_moves_with_partition_0(scenario):
    first = scenario.consumer(UPKEEP_SECONDS="0.2")
    wait_until(lambda: upkeep_of(first), "the first consumer runs upkeep")
    [process] = upkeep_of(first)
    first.kill()
    wait_until(lambda: not Path(f"/proc/{process}").exists(), "the upkeep process has ended")
    second = scenario.consumer(UPKEEP_SECONDS="0.2")
    wait_until(lambda: upkeep_of(second), "the second consumer runs upkeep")
    [process] = upkeep_of(second)
    os.kill(process, signal.SIGKILL)
    second.wait_for("The upkeep process died: it ended with code -9.")
    scenario.traffic().send(islice(mixture(seed=86), 50))
    scenario.wait_until_stored()
    second.terminate()
    assert second.ended() == 0
    scenario.consumer()
    scenario.prove()


def upkeep_of(consumer):
    """The ids of a consumer's upkeep processes."""
    return [
        int(task)
        for children in Path(f"/proc/{consumer.pid}/task").glob("*/children")
        for task in children.read_text().split()
        if b"classwaves_ingestor.upkeep" in Path(f"/proc/{task}/cmdline").read_bytes()
    ]


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
