"""A recreated topic: no consumer continues from the positions of the old one."""

from itertools import islice

import pytest

from tests.support import engine
from tests.support.mixture import mixture
from tests.support.traffic import Sent


def recreate(scenario) -> None:
    """Create another topic of the same name, with more messages than the old one."""
    scenario.delete_topic()
    scenario.create_topic(partitions=4)
    scenario.sent = Sent()
    scenario.traffic().send(islice(mixture(seed=61, first_session=100), 600))


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_consumer_refuses_a_recreated_topic_until_it_is_accepted(scenario, running):
    consumer = scenario.consumer()
    scenario.traffic().send(islice(mixture(seed=62), 300))
    scenario.wait_until_stored()
    scenario.prove()
    if not running:
        consumer.terminate()
        assert consumer.ended() == 0
    old_rows, old_id = sorted(engine.rows(scenario.table)), scenario.topic_id()
    assert old_rows

    recreate(scenario)
    if running:
        assert consumer.ended() == 1
        assert scenario.topic in consumer.log_tail()
    restarted = scenario.consumer()
    assert restarted.ended() == 1
    assert "the topic was deleted and created again" in restarted.log_tail()
    assert "ingestor topics accept" in restarted.log_tail()
    assert sorted(engine.rows(scenario.table)) == old_rows

    scenario.environment.output("ingestor", "topics", "accept")
    scenario.consumer()
    scenario.wait_until_stored()
    scenario.prove()
    assert sorted(row for row in engine.rows(scenario.table) if row.topic_id == old_id) == old_rows


def test_messages_of_a_topic_that_was_recreated_under_its_consumer_are_not_stored(scenario):
    """The consumer keeps its membership, and goes on fetching where the old topic ended."""
    consumer = scenario.consumer(KAFKA_SESSION_TIMEOUT_MS="45000")
    for partition in range(4):
        scenario.traffic().send(islice(mixture(seed=63), 50), partition)
    scenario.wait_until_stored()
    old_rows = sorted(engine.rows(scenario.table))
    consumer.freeze()
    scenario.delete_topic()
    scenario.create_topic(partitions=4)
    scenario.sent = Sent()
    for partition in range(4):
        scenario.traffic().send(islice(mixture(seed=64, first_session=100), 200), partition)
    consumer.thaw()
    assert consumer.ended() == 1
    assert "deleted and created again" in consumer.log_tail()
    assert sorted(engine.rows(scenario.table)) == old_rows
