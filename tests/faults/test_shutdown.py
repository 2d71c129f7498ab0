"""SIGTERM: store what was taken, leave the group at once; a second one, or a deadline, ends it without loss."""

import signal
from itertools import islice

from tests.faults.outage import Outage
from tests.support.mixture import mixture
from tests.support.waiting import wait_until

# Far longer than any wait of these tests: a partition that changes hands was given up, not timed out.
_LONG_SESSION = {"KAFKA_SESSION_TIMEOUT_MS": "300000"}


def test_a_consumer_that_is_told_to_stop_under_load_leaves_its_partitions_at_once(scenario):
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


def test_a_drain_that_cannot_end_is_given_up_at_its_deadline_and_loses_nothing(scenario):
    traffic, messages = scenario.traffic(), mixture(seed=92)
    consumer = scenario.consumer(DRAIN_SECONDS="1", **_LONG_SESSION)
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    with Outage(scenario.table):
        traffic.send(islice(messages, 200))
        consumer.wait_for("Waiting to retry")
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
        consumer.wait_for("Waiting to retry")
        consumer.terminate()
        while consumer.code is None:
            consumer.terminate()
        assert consumer.ended() == -signal.SIGTERM
    scenario.consumer()
    scenario.wait_until_stored()
    scenario.prove()
