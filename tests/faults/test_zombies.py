"""Zombies on two partitions."""

from itertools import islice

import pytest

from tests.faults.zombie_scenario import SESSION, ZombieScenario
from tests.support.mixture import mixture
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("scenario", [2], indirect=True, ids=["two partitions"])

_MOMENTS = ("any", "letters-written", "before-commit", "committed")


@pytest.mark.parametrize(
    ("moment", "protocol"),
    [*((moment, "classic") for moment in _MOMENTS), ("before-commit", "consumer")],
)
def test_a_zombie_that_lost_all_partitions_stores_nothing_twice(scenario, moment, protocol):
    scenario.group_protocol = protocol
    zombies = ZombieScenario(scenario, moment)
    successor = zombies.successor()
    scenario.wait_for_share(successor, 2)
    scenario.wait_until_stored()
    zombies.end(successor)


@pytest.mark.parametrize("moment", ["any", "before-commit"])
def test_a_zombie_that_lost_no_partition_continues(scenario, moment):
    zombies = ZombieScenario(scenario, moment)
    scenario.wait_for_share(zombies.zombie, 0)
    zombies.end()


def test_a_zombie_that_lost_one_partition_stores_its_batch_of_the_other(scenario):
    zombies = ZombieScenario(scenario, "before-commit")
    # The first successor owns both and only buffers; the second owns one of them and commits it.
    buffering = zombies.successor(BATCH_MAX_SECONDS="60")
    scenario.wait_for_share(buffering, 2)
    successor = zombies.successor()
    scenario.wait_for_share(successor, 1)
    (kept,), (lost,) = scenario.owned(buffering), scenario.owned(successor)
    scenario.wait_until_stored({lost})
    before = scenario.partitions()[kept].position
    zombies.zombie.thaw()
    wait_until(
        lambda: scenario.partitions()[kept].position > before, "the zombie has stored its batch"
    )
    buffering.terminate()
    assert buffering.ended() == 0
    zombies.end(successor)


def test_a_zombie_that_froze_in_a_commit_without_messages_is_fenced(scenario):
    """Nothing that its commit would change tells it so, only the positions that it names."""
    scenario.forget_broker_time()
    traffic, messages = scenario.traffic(), mixture(seed=32)
    zombie = scenario.consumer(
        **{**SESSION, "IDLE_COMMIT_SECONDS": "0.5", "FAILPOINTS": "before-commit=stop@6"}
    )
    for partition in (0, 1):
        traffic.send(islice(messages, 20), partition)
    zombie.wait_until_frozen()
    successor = scenario.consumer(**SESSION)
    scenario.wait_for_share(successor, 2)
    for partition in (0, 1):
        traffic.send(islice(messages, 20), partition)
    scenario.wait_until_stored()
    zombie.thaw()
    zombie.wait_for("Fenced: another owner moved the position of this partition")
    scenario.prove()
