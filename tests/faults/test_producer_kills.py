"""SIGKILL of emitting processes under load, with the broker away half the time."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client import CollectorRegistry

from ingestor.producer import DeliveryPolicy, EventPublisher
from tests.support.publishing import first_sequences, settings, until

PARTITIONS = 3
KILLS = 12
EMIT = """
import os, sys
from ingestor.producer import EventPublisher, SpoolFull

log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
publisher = EventPublisher(component="victim")
number = 0
while True:
    number += 1
    try:
        event_id = publisher.emit("started", session_id=f"s{number % 7}", teacher_id="t", payload={"totalGroups": 4})
    except SpoolFull:
        continue
    os.write(log, event_id.encode() + b"\\n")
"""


class Victim:
    """A process that emits as fast as it can, and writes down each id that `emit` has returned."""

    def __init__(self, log: Path, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", EMIT, str(log)], env=environ)
        until(lambda: log.exists() and log.stat().st_size)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def read(servers, topic):
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "test", "enable.auto.commit": False})
    try:
        ends = {each: consumer.get_watermark_offsets(TopicPartition(topic, each))[1] for each in range(PARTITIONS)}
        consumer.assign([TopicPartition(topic, each, 0) for each in ends])
        events = []
        while len(events) < sum(ends.values()):
            events += [json.loads(each.value()) for each in consumer.consume(10_000, 0.1) if each.error() is None]
        return events
    finally:
        consumer.close()


@pytest.mark.timeout(280)
def test_every_id_that_emit_returned_arrives_in_the_order_of_its_session(own_broker, topic_name, tmp_path):
    servers = own_broker.bootstrap_servers
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic_name, PARTITIONS, 1)])[topic_name].result()
    spools = tmp_path / "spools"
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "SESSION_EVENTS_TOPIC": topic_name,
        "SPOOL_FOLDER": str(spools),
        "SPOOL_MAX_BYTES": "4MiB",
    }
    dice = random.Random(7)
    victims = [Victim(tmp_path / f"{number}.ids", environ) for number in range(2)]
    for kill in range(KILLS):
        time.sleep(dice.uniform(0.05, 0.8))
        if kill % 4 == 1:
            own_broker.kill()
        elif kill % 4 == 3:
            own_broker.start()
        victims.pop(dice.randrange(len(victims))).kill()
        victims.append(Victim(tmp_path / f"{kill + 2}.ids", environ))
    for victim in victims:
        victim.kill()
    returned = [each for log in tmp_path.glob("*.ids") for each in log.read_text().splitlines() if len(each) == 36]

    heir = EventPublisher(
        settings(spools, kafka={"bootstrap.servers": servers}, session_events_topic=topic_name),
        component="heir",
        registry=CollectorRegistry(),
        policy=DeliveryPolicy(look_around_seconds=0.2, adopted_per_second=1e6),
    )
    until(lambda: len(list(spools.glob("*.spool"))) == 1)
    heir.close()

    events = read(servers, topic_name)
    assert len(returned) == len(set(returned)) > 1000
    assert set(returned) <= {event["id"] for event in events}
    sequences = first_sequences(events)
    assert len(sequences) > KILLS
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in sequences.values())
