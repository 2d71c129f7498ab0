"""Fixtures for the services that tests need. A test without its service is skipped."""

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
    """A real Kafka for the whole session. Without one a test is skipped, or fails in CI."""
    with local_kafka.start() as running:
        if not running.real:
            _cannot_run("Kafka", " ".join(running.passed_over))
        request.config.stash[_brokers].add(running.describe())
        yield running


@pytest.fixture
def own_broker() -> Iterator[local_kafka.KRaftBroker]:
    """A broker for one test, which may kill, freeze and restart it."""
    try:
        broker = local_kafka.KRaftBroker.create()
    except local_kafka.UnavailableError as error:
        _cannot_run("Kafka", str(error))
    with broker:
        yield broker


@pytest.fixture(scope="session")
def databricks() -> Iterator["Endpoint"]:
    """A local Databricks SQL endpoint for the whole session.

    Without Java a test is skipped, or fails in CI.
    """
    # The imports of Spark and the connector take a second, and most tests do not need them.
    from local.databricks import Endpoint

    try:
        endpoint = Endpoint.create()
    except local_kafka.UnavailableError as error:
        _cannot_run("Databricks endpoint", str(error))
    with endpoint:
        yield endpoint


@pytest.fixture
def empty_databricks(databricks: "Endpoint") -> "Endpoint":
    """The endpoint with empty tables, no faults and an empty execution log."""
    from classwaves_warehouse.databricks.settings import DatabricksSettings
    from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse

    databricks.faults.clear()
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        # Emptying the tables takes one second, creating them ten.
        there = {row.tableName for row in cursor.execute("SHOW TABLES IN analytics").fetchall()}
        for table in _EMPTIED & there:
            cursor.execute(f"DELETE FROM analytics.{table}")
        if not there >= _EMPTIED:
            settings = DatabricksSettings.from_environment(databricks.environment)
            DatabricksWarehouse(settings).tables.migrate()
    databricks.log.clear()
    return databricks


@pytest.fixture(autouse=True)
def _remove_log_handlers_of_commands() -> Iterator[None]:
    """Remove the handlers of commands that ran in this process: their streams are closed."""
    yield
    root = logging.getLogger()
    for handler in [each for each in root.handlers if type(each) is logging.StreamHandler]:
        root.removeHandler(handler)


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> str:
    """A unique topic name that contains the name of the test."""
    return f"{re.sub(r'[^a-zA-Z0-9]+', '-', request.node.name)[:100]}-{uuid.uuid4().hex[:8]}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadFileScheduling":
    """Run each file on one worker, and all files that need Spark on the same one."""
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
    """Prepare the set of brokers."""
    config.stash[_brokers] = set()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the brokers that a worker used to the main process."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["brokers"] = sorted(session.config.stash[_brokers])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: "WorkerController", error: object) -> None:
    """Receive the brokers that a worker used."""
    node.config.stash[_brokers].update(getattr(node, "workeroutput", {}).get("brokers", ()))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print which Kafka the run used, if any."""
    for broker in sorted(config.stash[_brokers]):
        terminalreporter.write_line(broker)


def _cannot_run(what: str, reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI requires a real {what}. {reason}", pytrace=False)
    pytest.skip(f"Needs a real {what}. {reason}")
