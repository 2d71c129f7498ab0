"""The Kafka that tests run against: real, or not at all."""

import os
import re
import uuid
from collections.abc import Iterator
from typing import NoReturn

import pytest

import localkafka

_kafka = pytest.StashKey[localkafka.Kafka]()


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[localkafka.Kafka]:
    """A real Kafka for the whole session. Without one a test is skipped, and in CI it fails."""
    with localkafka.start() as running:
        if not running.real:
            _without_real_broker(" ".join(running.passed_over))
        request.config.stash[_kafka] = running
        yield running


@pytest.fixture
def own_broker() -> Iterator[localkafka.KRaftBroker]:
    """A broker of the test's own, to be killed, frozen and restarted."""
    try:
        broker = localkafka.KRaftBroker.create()
    except localkafka.UnavailableError as error:
        _without_real_broker(str(error))
    with broker:
        yield broker


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> str:
    """A topic name that nobody has used, and that says whose it is."""
    return f"{re.sub(r'[^a-zA-Z0-9]+', '-', request.node.name)[:100]}-{uuid.uuid4().hex[:8]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which Kafka the run got, if any test asked for one."""
    if _kafka in config.stash:
        terminalreporter.write_line(config.stash[_kafka].describe())


def _without_real_broker(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI proves nothing without a real Kafka. {reason}", pytrace=False)
    pytest.skip(f"needs a real Kafka. {reason}")
