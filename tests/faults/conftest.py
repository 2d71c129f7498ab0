"""Consumers as real processes against a real broker, to be killed, frozen and raced."""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.trial import Trial


@pytest.fixture
def trial(kafka, topic_name, tmp_path) -> Iterator[Trial]:
    """A trial with four partitions on the broker that all share."""
    with closing(Trial(tmp_path, kafka.bootstrap_servers, topic_name, os.environ, partitions=4)) as running:
        yield running


@pytest.fixture
def own_trial(own_broker, topic_name, tmp_path) -> Iterator[Trial]:
    """A trial with four partitions on a broker of its own, `own_broker`."""
    with closing(Trial(tmp_path, own_broker.bootstrap_servers, topic_name, os.environ, partitions=4)) as running:
        yield running
