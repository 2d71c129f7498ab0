"""The commands, as users and pods start them, between a real Kafka and the endpoint."""

import json
import os
import secrets

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from classwaves_analytics.cli import app as analytics
from classwaves_ingestor.cli import app as ingestor
from demo.environment import Environment
from demo.monitor import scrape
from local.kafka.free_port import free_port
from tests.support.consumer_process import ConsumerProcess
from tests.support.events import plain, session_id, wire
from tests.support.waiting import wait_until

EVENTS = 40


@pytest.fixture
def port():
    """Of the consumer's HTTP server."""
    return free_port()


@pytest.fixture
def environ(port, kafka, empty_databricks, topic_name, tmp_path, monkeypatch):
    key = tmp_path / "pseudonym.key"
    key.write_text(secrets.token_hex(32))
    settings = {
        **empty_databricks.environment,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "SESSION_EVENTS_TOPIC": topic_name,
        "INGESTOR_GROUP": topic_name,
        "PSEUDONYM_KEY_FILE": str(key),
        "BATCH_MAX_SECONDS": "1",
        "HTTP_PORT": str(port),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return {**os.environ}


def run(app, *arguments):
    return CliRunner().invoke(app, arguments)


def test_the_commands_fill_verify_and_show_a_sql_warehouse_after_a_cold_start(
    environ, port, databricks, kafka, topic_name, tmp_path
):
    assert run(ingestor, "tables", "check").exit_code == 0
    assert run(ingestor, "tables", "migrate").stdout == "Nothing to do.\n"
    assert run(ingestor, "topics", "create", "--partitions", "2").exit_code == 0

    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(1, EVENTS + 1):
        producer.produce(topic_name, wire(session=number % 3, number=number), partition=number % 2)
        if number % 10 == 0:
            producer.produce(topic_name, wire(session=number % 3, number=number), partition=0)
            producer.produce(topic_name, b"{", partition=1)
    producer.produce(topic_name, plain(session=1, number=EVENTS + 1), partition=0)
    assert producer.flush(30) == 0

    def stored():
        done = run(ingestor, "status", "--json")
        return done.exit_code == 0 and json.loads(done.stdout)["lag"] == 0

    def warming():
        scraped = scrape(port)
        return (
            scraped is not None
            and scraped.value("ingestor_warehouse_warming") == 1
            and "warehouse" in scraped.unready
        )

    databricks.faults.cold_start(seconds=600)
    with ConsumerProcess(
        Environment.command("ingestor", "run"), environ, tmp_path / "consumer.log"
    ) as consumer:
        wait_until(warming, f"the consumer reports a starting warehouse: {consumer.log_tail()}")
        databricks.faults.clear()
        wait_until(stored, f"all events are stored: {consumer.log_tail()}")
        consumer.terminate()
        assert consumer.ended() == 0

    assert json.loads(run(ingestor, "status", "--json").stdout)["table"]["rows"] == EVENTS + 1
    verified = run(ingestor, "verify", "--json")
    assert verified.exit_code == 0, verified.stdout
    total = json.loads(verified.stdout)["total"]
    assert (total["stored"], total["duplicates"], total["dead_lettered"]) == (EVENTS + 1, 4, 4)
    assert (total["missing"], total["twice"]) == (0, 0)
    shown = json.loads(run(analytics, "timeline", session_id(1), "--json").stdout)
    assert [event["sequence"] for event in shown["timeline"] if event.get("sequence")] == [
        *range(1, EVENTS + 1, 3)
    ]
