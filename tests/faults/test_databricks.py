"""Consumers as real processes on a SQL warehouse: rows in one statement, positions in another.

These tests take minutes. `tests/integration/warehouse/databricks` tests the same faults with a
ledger in one process.
"""

import os
import signal
import time
from contextlib import closing
from itertools import islice

import pytest

from tests.faults.scenario import FaultScenario
from tests.faults.zombie_scenario import ZombieScenario
from tests.support.mixture import mixture

pytestmark = pytest.mark.soak


@pytest.fixture
def scenario(kafka, empty_databricks, topic_name, tmp_path, monkeypatch):
    for name, value in empty_databricks.environment.items():
        monkeypatch.setenv(name, value)
    with closing(
        FaultScenario(
            tmp_path, kafka.bootstrap_servers, topic_name, os.environ, 2, empty_databricks
        )
    ) as running:
        yield running


def test_kills_around_each_statement_lose_nothing_and_store_nothing_twice(scenario):
    messages, traffic = mixture(seed=41), scenario.traffic()
    # A static member: the broker need not wait for the session of the killed consumer to end.
    pod = {"KAFKA_GROUP_INSTANCE_ID": "pod-0"}
    for point in ("adding-rows", "rows-added", "positions-moved"):
        consumer = scenario.consumer(FAILPOINTS=f"{point}=kill@2", **pod)
        while consumer.code is None:
            traffic.send(islice(messages, 20))
            time.sleep(0.2)
        assert consumer.ended() == -signal.SIGKILL
    scenario.consumer(**pod)
    scenario.wait_until_stored()
    scenario.prove()


def test_a_zombie_that_froze_between_the_statements_stores_nothing_twice(scenario):
    zombies = ZombieScenario(scenario, "rows-added")
    successor = zombies.successor()
    scenario.wait_for_share(successor, 2)
    scenario.wait_until_stored()
    zombies.end(successor)
