"""KAFKA_ variables that librdkafka or a guarantee refuses: one line, exit code 2."""

import os
import subprocess

import pytest

from demo.environment import Environment
from tests.integration.ingestor.kafka.kafka_topic import KafkaTopic


@pytest.fixture
def environ(kafka, topic_name, tmp_path) -> dict[str, str]:
    servers, large = kafka.bootstrap_servers, {"max.message.bytes": str(16 << 20)}
    KafkaTopic(servers, topic_name, partitions=1)
    KafkaTopic(servers, f"{topic_name}.dead-letters", partitions=1, **large)
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "SESSION_EVENTS_TOPIC": topic_name,
        "WAREHOUSE": f"delta:{tmp_path}",
    }


@pytest.mark.parametrize(
    ("command", "variable", "value", "named"),
    [
        ("run", "KAFKA_TRANSACTIONAL_ID", "x", "KAFKA_TRANSACTIONAL_ID cannot be set"),
        ("verify", "KAFKA_TRANSACTIONAL_ID", "x", "KAFKA_TRANSACTIONAL_ID cannot be set"),
        ("run", "KAFKA_SESSION_TIMEOUT_MS", "600000", "session.timeout.ms"),
        ("verify", "KAFKA_SESSION_TIMEOUT_MS", "600000", "session.timeout.ms"),
        ("run", "KAFKA_LINGER_MS", "soon", "queue.buffering.max.ms"),
        ("verify", "KAFKA_LINGER_MS", "soon", "queue.buffering.max.ms"),
        ("run", "KAFKA_RETRIES", "0", "retries"),
        ("run", "KAFKA_DEFAULT_TOPIC_CONFIG", "x", "KAFKA_DEFAULT_TOPIC_CONFIG cannot be set"),
    ],
)
def test_a_refused_setting_is_one_line_and_exit_code_2(environ, command, variable, value, named):
    migrated = subprocess.run(
        Environment.command("ingestor", "tables", "migrate"), env=environ, check=False
    )
    assert migrated.returncode == 0
    done = subprocess.run(
        Environment.command("ingestor", command),
        env={**environ, variable: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    assert named in lines[0]
    assert done.returncode == 2
