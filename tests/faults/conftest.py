"""Consumers as real processes against a real broker, to be killed, frozen and raced."""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.scenario import FaultScenario


@pytest.fixture
def scenario(request, kafka, topic_name, tmp_path) -> Iterator[FaultScenario]:
    """A scenario on the broker that all share; its topic has four partitions unless a parameter says otherwise."""
    partitions = getattr(request, "param", 4)
    with closing(
        FaultScenario(tmp_path, kafka.bootstrap_servers, topic_name, os.environ, partitions)
    ) as running:
        yield running


@pytest.fixture
def own_scenario(own_broker, topic_name, tmp_path) -> Iterator[FaultScenario]:
    """A scenario with four partitions on a broker of its own, `own_broker`."""
    with closing(
        FaultScenario(tmp_path, own_broker.bootstrap_servers, topic_name, os.environ, partitions=4)
    ) as running:
        yield running
