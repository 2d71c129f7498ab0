"""Kills at each step between the acknowledgements, and a store that reports false errors."""

import signal
from itertools import islice

import pytest

from tests.support.mixture import mixture


@pytest.mark.parametrize("point", ["letters-written", "before-commit", "committed", "appended"])
def test_a_kill_at_a_step_loses_nothing_and_stores_nothing_twice(scenario, point):
    messages, traffic = mixture(seed=11), scenario.traffic()
    # A static member: the broker need not wait for the session of the killed consumer to end.
    pod = {"KAFKA_GROUP_INSTANCE_ID": "pod-0"}
    for hit in (1, 2, 3):
        consumer = scenario.consumer(FAILPOINTS=f"{point}=kill@{hit}", **pod)
        while consumer.code is None:
            traffic.send(islice(messages, 50))
        assert consumer.ended() == -signal.SIGKILL
    scenario.consumer(**pod)
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    scenario.prove()


def test_a_store_that_reports_errors_after_a_commit_loses_nothing_and_stores_nothing_twice(
    scenario,
):
    messages, traffic = mixture(seed=12), scenario.traffic()
    for _ in range(2):
        scenario.consumer(FAILPOINTS="before-commit=raise@0.3,committed=raise@0.3")
    for _ in range(20):
        traffic.send(islice(messages, 100))
    scenario.wait_until_stored()
    scenario.prove()
