"""A topic that is deleted and created again: nobody may go on as if it were the same."""

from itertools import islice

import pytest

from tests.support import engine
from tests.support.mixture import mixture
from tests.support.traffic import Sent


def recreate(trial) -> None:
    """Another topic of the same name, with more in it than the old one had."""
    trial.delete_topic()
    trial.create_topic(partitions=4)
    trial.sent = Sent()
    trial.traffic().send(islice(mixture(seed=61, first_session=100), 600))


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_consumer_refuses_a_topic_that_was_created_again_until_it_is_accepted(trial, running):
    consumer = trial.consumer()
    trial.traffic().send(islice(mixture(seed=62), 300))
    trial.wait_until_stored()
    trial.prove()
    if not running:
        consumer.terminate()
        assert consumer.ended() == 0
    old_rows, old_id = sorted(engine.rows(trial.table)), trial.topic_id()
    assert old_rows

    recreate(trial)
    if running:
        assert consumer.ended() == 1
        assert trial.topic in consumer.last_words()
    refused = trial.consumer()
    assert refused.ended() == 1
    assert "it was deleted and created again" in refused.last_words()
    assert "ingestor topics accept" in refused.last_words()
    assert sorted(engine.rows(trial.table)) == old_rows

    trial.world.output("ingestor", "topics", "accept")
    trial.consumer()
    trial.wait_until_stored()
    trial.prove()
    assert sorted(row for row in engine.rows(trial.table) if row.topic_id == old_id) == old_rows
