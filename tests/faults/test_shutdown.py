"""SIGTERM: store what was taken, leave the group at once; a second one, or a deadline, ends it without loss."""

import signal
from itertools import islice

from tests.faults.outage import Outage
from tests.support.mixture import mixture
from tests.support.waiting import wait_until

# Far longer than any wait of these tests: a partition that changes hands was given up, not timed out.
_LONG_SESSION = {"KAFKA_SESSION_TIMEOUT_MS": "300000"}


def test_a_consumer_that_is_told_to_stop_under_load_leaves_its_partitions_at_once(trial):
    with trial.traffic().flowing(mixture(seed=91), per_second=500):
        leaving, staying = trial.consumer(**_LONG_SESSION), trial.consumer(**_LONG_SESSION)
        trial.wait_for_share(leaving, 2)
        trial.wait_for_share(staying, 2)
        wait_until(trial.stored, "the consumers have begun")
        leaving.terminate()
        assert leaving.ended() == 0
        trial.wait_for_share(staying, 4)
    trial.wait_until_stored()
    trial.prove()


def test_a_drain_that_cannot_end_is_given_up_at_its_deadline_and_loses_nothing(trial):
    traffic, messages = trial.traffic(), mixture(seed=92)
    consumer = trial.consumer(DRAIN_SECONDS="1", **_LONG_SESSION)
    traffic.send(islice(messages, 200))
    trial.wait_until_stored()
    with Outage(trial.table):
        traffic.send(islice(messages, 200))
        consumer.wait_for("waiting to try again")
        consumer.terminate()
        assert consumer.ended() == 0
    trial.consumer(**_LONG_SESSION)
    trial.wait_until_stored()
    trial.prove()


def test_a_second_signal_ends_a_drain_at_once_and_loses_nothing(trial):
    traffic, messages = trial.traffic(), mixture(seed=93)
    consumer = trial.consumer(DRAIN_SECONDS="3600")
    traffic.send(islice(messages, 200))
    trial.wait_until_stored()
    with Outage(trial.table):
        traffic.send(islice(messages, 200))
        consumer.wait_for("waiting to try again")
        consumer.terminate()
        while consumer.code is None:
            consumer.terminate()
        assert consumer.ended() == -signal.SIGTERM
    trial.consumer()
    trial.wait_until_stored()
    trial.prove()
