"""Fault scenarios: consumer processes on a real broker."""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.scenario import FaultScenario


@pytest.fixture
def scenario(request, kafka, topic_name, tmp_path) -> Iterator[FaultScenario]:
    """A scenario on the shared broker; four partitions unless the test is parametrized."""
    partitions = getattr(request, "param", 4)
    with closing(
        FaultScenario(tmp_path, kafka.bootstrap_servers, topic_name, os.environ, partitions)
    ) as running:
        yield running


@pytest.fixture
def own_scenario(own_broker, topic_name, tmp_path) -> Iterator[FaultScenario]:
    """A scenario with four partitions on the separate broker `own_broker`."""
    with closing(
        FaultScenario(tmp_path, own_broker.bootstrap_servers, topic_name, os.environ, partitions=4)
    ) as running:
        yield running
