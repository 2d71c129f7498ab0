"""SIGKILL of emitting processes under load, with the broker away half the time."""

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import DeliveryPolicy, EventPublisher
from tests.support.publishing import sequences_by_source, settings
from tests.support.topic_reader import read_topic
from tests.support.waiting import wait_until

KILLS = 12
EMIT = """
import os, sys
from classwaves_ingestor.producer import EventPublisher, SpoolFull

log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
publisher = EventPublisher(component="emitter")
number = 0
while True:
    number += 1
    session = f"s{number % 7}"
    try:
        event_id = publisher.emit(
            "started", session_id=session, teacher_id="t", payload={"totalGroups": 4}
        )
    except SpoolFull:
        continue
    os.write(log, f"{session} {event_id}\\n".encode())
"""


class EmitterProcess:
    """A process that emits at full speed and logs each accepted event."""

    def __init__(self, log: Path, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", EMIT, str(log)], env=environ)
        wait_until(lambda: log.exists() and log.stat().st_size, "it emits")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.mark.timeout(290)
def test_every_event_that_emit_accepted_is_stored_once_and_arrived_in_session_order(
    own_scenario, own_broker, tmp_path
):
    servers, topic, spools = own_broker.bootstrap_servers, own_scenario.topic, tmp_path / "spools"
    environ = own_scenario.environment.environ | {
        "SPOOL_FOLDER": str(spools),
        "SPOOL_MAX_BYTES": "2MiB",
    }
    chance = Random(7)
    emitters = [EmitterProcess(tmp_path / f"{number}.emitted", environ) for number in range(2)]
    for kill in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.6))
        if kill % 4 == 1:
            own_broker.kill()
        elif kill % 4 == 3:
            own_broker.start()
        emitters.pop(chance.randrange(len(emitters))).kill()
        emitters.append(EmitterProcess(tmp_path / f"{kill + 2}.emitted", environ))
    for emitter in emitters:
        emitter.kill()
    lines = [
        line
        for log in tmp_path.glob("*.emitted")
        for line in log.read_text().splitlines(keepends=True)
    ]
    emitted = [tuple(line.split()) for line in lines if line.endswith("\n")]

    successor = EventPublisher(
        settings(spools, kafka={"bootstrap.servers": servers}, session_events_topic=topic),
        component="successor",
        registry=CollectorRegistry(),
        policy=DeliveryPolicy(look_around_seconds=0.2, adopted_per_second=1e6),
    )
    wait_until(lambda: len(list(spools.glob("*.spool"))) == 1, "all orphans are sent")
    successor.close()

    events = [json.loads(each.value()) for each in read_topic(servers, topic)]
    assert len(emitted) == len(set(emitted)) > 1000
    assert set(emitted) <= {(event["session_id"], event["id"]) for event in events}
    sequences = sequences_by_source(events)
    assert len(sequences) > KILLS
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in sequences.values())

    own_scenario.consumer()
    own_scenario.wait_until_stored()
    stored = own_scenario.stored()
    assert set(emitted) <= stored.keys()
    assert set(stored.values()) == {1}
    assert own_scenario.verify()[0] == 0
