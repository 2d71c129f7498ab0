"""The services that tests run against: real, or not at all."""

import logging
import os
import re
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

from local import kafka as local_kafka

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling
    from xdist.workermanage import WorkerController

    from local.databricks import Endpoint

_EMPTIED = {"session_events", "ingestor_positions"}

_brokers = pytest.StashKey[set[str]]()


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[local_kafka.Kafka]:
    """A real Kafka for the whole session. Without one a test is skipped, and in CI it fails."""
    with local_kafka.start() as running:
        if not running.real:
            _cannot_run("Kafka", " ".join(running.passed_over))
        request.config.stash[_brokers].add(running.describe())
        yield running


@pytest.fixture
def own_broker() -> Iterator[local_kafka.KRaftBroker]:
    """A broker of the test's own, to be killed, frozen and restarted."""
    try:
        broker = local_kafka.KRaftBroker.create()
    except local_kafka.UnavailableError as error:
        _cannot_run("Kafka", str(error))
    with broker:
        yield broker


@pytest.fixture(scope="session")
def databricks() -> Iterator["Endpoint"]:
    """A local Databricks SQL endpoint for the whole session.

    Without Java a test is skipped, and in CI it fails.
    """
    # Spark's and the connector's imports take a second: only those who ask pay for them.
    from local.databricks import Endpoint

    try:
        endpoint = Endpoint.create()
    except local_kafka.UnavailableError as error:
        _cannot_run("Databricks endpoint", str(error))
    with endpoint:
        yield endpoint


@pytest.fixture
def empty_databricks(databricks: "Endpoint") -> "Endpoint":
    """The endpoint with empty tables, without faults, and as if it had executed nothing."""
    from classwaves_warehouse.databricks.settings import DatabricksSettings
    from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse

    databricks.faults.clear()
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        # Emptying them takes a second, making them ten: the tests that need others drop what they find.
        there = {row.tableName for row in cursor.execute("SHOW TABLES IN analytics").fetchall()}
        for table in _EMPTIED & there:
            cursor.execute(f"DELETE FROM analytics.{table}")
        if not there >= _EMPTIED:
            settings = DatabricksSettings.from_environment(databricks.environment)
            DatabricksWarehouse(settings).tables.migrate()
    databricks.log.clear()
    return databricks


@pytest.fixture(autouse=True)
def _no_logs_of_commands_left() -> Iterator[None]:
    """Take away what a command within the test's process logs to: it is closed when the test has ended."""
    yield
    root = logging.getLogger()
    for handler in [each for each in root.handlers if type(each) is logging.StreamHandler]:
        root.removeHandler(handler)


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> str:
    """A topic name that nobody has used, and that says whose it is."""
    return f"{re.sub(r'[^a-zA-Z0-9]+', '-', request.node.name)[:100]}-{uuid.uuid4().hex[:8]}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadFileScheduling":
    """Give a file to one worker, for its fixtures' sake, and all for which a Spark has to be warm to the same one."""
    from xdist.scheduler import LoadFileScheduling

    class ByService(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return (
                "databricks"
                if "databricks" in file and not file.startswith("tests/unit/")
                else file
            )

    return ByService(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Before the first test."""
    config.stash[_brokers] = set()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that began the run, if this is one of its workers, what was used."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["brokers"] = sorted(session.config.stash[_brokers])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: "WorkerController", error: object) -> None:
    """Hear it."""
    node.config.stash[_brokers].update(getattr(node, "workeroutput", {}).get("brokers", ()))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which Kafka the run got, if any test asked for one."""
    for broker in sorted(config.stash[_brokers]):
        terminalreporter.write_line(broker)


def _cannot_run(what: str, reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI proves nothing without a real {what}. {reason}", pytrace=False)
    pytest.skip(f"needs a real {what}. {reason}")
