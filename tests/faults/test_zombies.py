"""Zombies on two partitions."""

import pytest

from tests.faults.haunting import Haunting
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("trial", [2], indirect=True, ids=["two partitions"])

_MOMENTS = ("any", "letters-written", "before-commit", "committed")


@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_zombie_that_lost_all_stores_nothing_twice(trial, moment):
    haunting = Haunting(trial, moment)
    heir = haunting.heir()
    trial.wait_for_share(heir, 2)
    trial.wait_until_stored()
    haunting.end(heir)


@pytest.mark.parametrize("moment", ["any", "before-commit"])
def test_a_zombie_that_lost_none_goes_on_where_it_was(trial, moment):
    haunting = Haunting(trial, moment)
    trial.wait_for_share(haunting.zombie, 0)
    haunting.end()


def test_a_zombie_that_lost_one_partition_of_two_still_stores_what_it_took_of_the_other(trial):
    haunting = Haunting(trial, "before-commit")
    # The first heir of both gathers without moving anything, and the second, who begins with one of them, moves that.
    gathering = haunting.heir(BATCH_MAX_SECONDS="60")
    trial.wait_for_share(gathering, 2)
    heir = haunting.heir()
    trial.wait_for_share(heir, 1)
    (kept,), (lost,) = trial.owned(gathering), trial.owned(heir)
    trial.wait_until_stored({lost})
    before = trial.partitions()[kept].position
    haunting.zombie.thaw()
    wait_until(
        lambda: trial.partitions()[kept].position > before, "the zombie has stored what it took"
    )
    gathering.terminate()
    assert gathering.ended() == 0
    haunting.end(heir)
