"""Broker faults: a kill, a freeze, and the loss of acknowledged messages."""

import time
from itertools import islice

import pytest
from confluent_kafka import TopicPartition

from tests.support.mixture import mixture
from tests.support.waiting import wait_until

_FROZEN_SECONDS = 20


def test_consumers_survive_a_broker_that_dies_and_one_that_freezes(own_broker, own_scenario):
    scenario, traffic, messages = own_scenario, own_scenario.traffic(), mixture(seed=51)
    consumers = [scenario.consumer() for _ in range(2)]
    with traffic.flowing(messages, per_second=200):
        wait_until(scenario.stored, "the consumers have begun")
        own_broker.kill()
        own_broker.start()
        so_far = sum(scenario.stored().values())
        wait_until(lambda: sum(scenario.stored().values()) > so_far, "the consumers continue")
        own_broker.pause()
        time.sleep(_FROZEN_SECONDS)
        own_broker.resume()
    scenario.wait_until_stored()
    assert [each.code for each in consumers] == [None, None]
    scenario.prove()


def lose_half(broker, scenario) -> None:
    """Cut the log of partition 0 while its broker is down."""
    (log,) = broker.settings.folder.glob(f"data/{scenario.topic}-0/*.log")
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_log_that_lost_its_tail_and_grew_again_stops_alone_until_it_is_acknowledged(
    own_broker, own_scenario, running
):
    scenario, traffic = own_scenario, own_scenario.traffic()
    messages = mixture(seed=53, repeats=0, bad=0)
    consumer = scenario.consumer()
    for _ in range(10):
        traffic.send(islice(messages, 10), 0)
    scenario.wait_until_stored()
    if not running:
        consumer.terminate()
        assert consumer.ended() == 0
    own_broker.kill()
    lose_half(own_broker, scenario)
    own_broker.start()
    traffic = scenario.traffic()  # an idempotent producer cannot go on after the loss
    for _ in range(20):
        traffic.send(islice(messages, 10), 0)
    traffic.send(islice(messages, 10), 1)
    consumer = consumer if running else scenario.consumer()
    scenario.wait_until_stored([1, 2, 3])
    wait_until(lambda: "Stopped partition 0" in consumer.log.read_text(), "partition 0 stops")
    wait_until(lambda: scenario.partitions()[0].stopped is not None, "the stop is recorded")
    assert "wrote others in their place" in scenario.partitions()[0].stopped
    wait_until(lambda: "partition 0" in consumer.readiness(), "the consumer is not ready")
    code, found = scenario.verify()
    assert (code, found["total"]["missing"], found["total"]["twice"]) == (1, 0, 0)
    assert [each["kind"] for each in found["findings"]] == ["stopped"]
    assert "goes on at offset" in scenario.acknowledge()
    scenario.wait_until_stored()
    assert scenario.stored().keys() == scenario.sent.events.keys()
    wait_until(lambda: scenario.verify()[0] == 0, "the proof passes")
    wait_until(lambda: consumer.readiness() == {}, "the consumer is ready again")


def test_a_corrupt_batch_stops_its_partition_alone_until_its_records_are_deleted(
    own_broker, own_scenario
):
    scenario, traffic = own_scenario, own_scenario.traffic()
    messages = mixture(seed=54, repeats=0, bad=0)
    for _ in range(3):
        traffic.send(islice(messages, 10), 0)
    traffic.send(islice(messages, 10), 1)
    own_broker.stop()
    (log,) = own_broker.settings.folder.glob(f"data/{scenario.topic}-0/*.log")
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 0x55
    log.write_bytes(damaged)
    own_broker.start()
    consumer = scenario.consumer()
    scenario.wait_until_stored([1, 2, 3])
    wait_until(lambda: "Stopped partition 0" in consumer.log.read_text(), "partition 0 stops")
    wait_until(lambda: scenario.partitions()[0].stopped is not None, "the stop is recorded")
    assert "is corrupt on the broker" in scenario.partitions()[0].stopped
    code, found = scenario.verify()
    assert (code, found["total"]["missing"], found["total"]["stored"]) == (1, 0, 20)
    limit = TopicPartition(scenario.topic, 0, 20)
    scenario.admin.delete_records([limit])[limit].result()
    scenario.wait_until_stored()
    assert scenario.acknowledge() == "partition 0: 10 expired offsets are acknowledged\n"
    code, found = scenario.verify()
    assert (code, found["total"]["stored"]) == (0, 30)


def test_a_partition_that_ends_below_its_position_stops_alone(own_broker, own_scenario):
    scenario, traffic, messages = (
        own_scenario,
        own_scenario.traffic(),
        mixture(seed=52, repeats=0, bad=0),
    )
    running = scenario.consumer()
    for partition in range(4):
        traffic.send(islice(messages, 50), partition)
    scenario.wait_until_stored()
    stored = scenario.stored()
    own_broker.kill()
    lose_half(own_broker, scenario)
    own_broker.start()
    started = scenario.consumer()
    for partition in (1, 2, 3):
        traffic.send(islice(messages, 50), partition)
    scenario.wait_until_stored()
    wait_until(
        lambda: "Stopped partition 0" in running.log.read_text() + started.log.read_text(),
        "partition 0 stops",
    )
    assert (running.code, started.code) == (None, None)
    assert scenario.stored().keys() == scenario.sent.events.keys() > stored.keys()
