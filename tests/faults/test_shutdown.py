"""SIGTERM stores the buffer and leaves the group; a second one or the deadline loses nothing."""

import signal
from itertools import islice

from tests.faults.outage import Outage
from tests.support.mixture import mixture
from tests.support.waiting import wait_until

# Longer than any wait of these tests: a partition that moves was released and did not time out.
_LONG_SESSION = {"KAFKA_SESSION_TIMEOUT_MS": "300000"}


def test_a_consumer_releases_its_partitions_at_once_on_sigterm_under_load(scenario):
    with scenario.traffic().flowing(mixture(seed=91), per_second=500):
        leaving, staying = scenario.consumer(**_LONG_SESSION), scenario.consumer(**_LONG_SESSION)
        scenario.wait_for_share(leaving, 2)
        scenario.wait_for_share(staying, 2)
        wait_until(scenario.stored, "the consumers have begun")
        leaving.terminate()
        assert leaving.ended() == 0
        scenario.wait_for_share(staying, 4)
    scenario.wait_until_stored()
    scenario.prove()


def test_a_drain_that_cannot_end_stops_at_its_deadline_and_loses_nothing(scenario):
    traffic, messages = scenario.traffic(), mixture(seed=92)
    consumer = scenario.consumer(DRAIN_SECONDS="1", **_LONG_SESSION)
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    with Outage(scenario.table):
        traffic.send(islice(messages, 200))
        consumer.wait_for("The warehouse does not answer")
        consumer.terminate()
        assert consumer.ended() == 0
    scenario.consumer(**_LONG_SESSION)
    scenario.wait_until_stored()
    scenario.prove()


def test_a_second_signal_ends_a_drain_at_once_and_loses_nothing(scenario):
    traffic, messages = scenario.traffic(), mixture(seed=93)
    consumer = scenario.consumer(DRAIN_SECONDS="3600")
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    with Outage(scenario.table):
        traffic.send(islice(messages, 200))
        consumer.wait_for("The warehouse does not answer")
        consumer.terminate()
        while consumer.code is None:
            consumer.terminate()
        assert consumer.ended() == -signal.SIGTERM
    scenario.consumer()
    scenario.wait_until_stored()
    scenario.prove()
