"""Broker faults: a kill, a freeze, and the loss of acknowledged messages."""

import time
from itertools import islice

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
    (log,) = own_broker.settings.folder.glob(f"data/{scenario.topic}-0/*.log")
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
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
