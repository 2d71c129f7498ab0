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

from tests.faults.haunting import Haunting
from tests.faults.trial import Trial
from tests.support.mixture import mixture

pytestmark = pytest.mark.soak


@pytest.fixture
def trial(kafka, empty_databricks, topic_name, tmp_path, monkeypatch):
    for name, value in empty_databricks.environment.items():
        monkeypatch.setenv(name, value)
    with closing(
        Trial(tmp_path, kafka.bootstrap_servers, topic_name, os.environ, 2, empty_databricks)
    ) as running:
        yield running


def test_kills_around_each_statement_lose_nothing_and_store_nothing_twice(trial):
    messages, traffic = mixture(seed=41), trial.traffic()
    # A static member: the broker need not wait for the session of the killed consumer to end.
    pod = {"KAFKA_GROUP_INSTANCE_ID": "pod-0"}
    for point in ("adding-rows", "rows-added", "positions-moved"):
        consumer = trial.consumer(FAILPOINTS=f"{point}=kill@2", **pod)
        while consumer.code is None:
            traffic.send(islice(messages, 20))
            time.sleep(0.2)
        assert consumer.ended() == -signal.SIGKILL
    trial.consumer(**pod)
    trial.wait_until_stored()
    trial.prove()


def test_a_zombie_that_froze_between_the_statements_stores_nothing_twice(trial):
    haunting = Haunting(trial, "rows-added")
    heir = haunting.heir()
    trial.wait_for_share(heir, 2)
    trial.wait_until_stored()
    haunting.end(heir)
