"""Where a benchmark of processes runs: a real Kafka, and a folder of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import NoRealBroker
from bench.measurement import conditions
from demo.environment import Environment
from local import kafka as local_kafka


@contextmanager
def real_kafka(name: str) -> Iterator[tuple[Environment, dict[str, str]]]:
    """An environment with new topics on a real Kafka, and the conditions of what is measured there.

    Args:
        name: begins the names of the topics.

    Raises:
        NoRealBroker: only a mock can run here.
    """
    with (
        local_kafka.start() as kafka,
        tempfile.TemporaryDirectory(prefix="classwaves-bench-") as folder,
    ):
        if not kafka.real:
            raise NoRealBroker
        found = conditions() | {"broker": f"{kafka.product} on the same machine"}
        yield Environment.create(Path(folder), kafka, name), found


def with_topic(environment: Environment, topic: str, **environ: str) -> Environment:
    """Return the same environment with another topic, which it creates, and other variables."""
    other = Environment(
        environment.folder,
        {
            **environment.environ,
            "SESSION_EVENTS_TOPIC": topic,
            "DEAD_LETTER_TOPIC": f"{topic}.dead-letters",
            **environ,
        },
    )
    other.output("ingestor", "topics", "create")
    return other


def fresh_table(environment: Environment, name: str) -> Environment:
    """Return the same environment with another table and another group."""
    return Environment(
        environment.folder,
        {
            **environment.environ,
            "WAREHOUSE": f"delta:{environment.folder / f'warehouse-{name}'}",
            "INGESTOR_GROUP": f"{environment.environ['INGESTOR_GROUP']}-{name}",
        },
    )
