"""A consumer that the group removes: for good, or until the broker is back."""

from itertools import islice

import pytest

from tests.support.mixture import mixture
from tests.support.waiting import wait_until


def test_a_consumer_whose_instance_id_another_process_takes_ends_and_the_other_goes_on(scenario):
    traffic, messages = scenario.traffic(), mixture(seed=61)
    static = {"KAFKA_GROUP_INSTANCE_ID": "pod-0"}
    fenced = scenario.consumer(**static)
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    successor = scenario.consumer(**static)
    assert fenced.ended() == 1
    assert "KAFKA_GROUP_INSTANCE_ID" in fenced.log_tail()
    assert "Traceback" not in fenced.log.read_text()
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    assert successor.code is None
    scenario.prove()


@pytest.mark.parametrize(("protocol", "cause"), [("classic", "group"), ("consumer", "broker")])
def test_a_consumer_that_lost_its_partitions_is_not_ready_until_it_has_joined_again(
    own_broker, own_scenario, protocol, cause
):
    """Under the new protocol only the broker can expel a member."""
    scenario, traffic, messages = own_scenario, own_scenario.traffic(), mixture(seed=62)
    scenario.group_protocol = protocol
    consumer = scenario.consumer()
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    wait_until(lambda: consumer.readiness() == {}, "the consumer is ready")
    own_broker.kill()
    wait_until(lambda: cause in (consumer.readiness() or {}), "the consumer is not ready")
    own_broker.start()
    wait_until(lambda: consumer.readiness() == {}, "the consumer is ready again")
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    scenario.prove()


def test_the_other_consumer_stores_the_partitions_of_a_killed_one(scenario):
    """With the default timeouts; `bench.freshness` measures how soon."""
    traffic, messages = scenario.traffic(), mixture(seed=63)
    killed, other = scenario.consumer(), scenario.consumer()
    for consumer in (killed, other):
        scenario.wait_for_share(consumer, 2)
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    orphaned = scenario.owned(killed)
    killed.kill()
    for partition in orphaned:
        traffic.send(islice(messages, 50), partition)
    scenario.wait_until_stored(orphaned)
    assert scenario.owned(other) == {0, 1, 2, 3}
    scenario.prove()
