"""A consumer that freezes until the group has given it up, and then goes on as if no time had passed."""

from itertools import islice

import pytest

from tests.support.mixture import mixture
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("trial", [2], indirect=True, ids=["two partitions"])

_SESSION = {"KAFKA_SESSION_TIMEOUT_MS": "3000", "KAFKA_HEARTBEAT_INTERVAL_MS": "500"}
_MOMENTS = ("any", "letters-written", "before-commit", "committed")


class Haunting:
    """A consumer of both partitions that is frozen, at any moment or at a step of its third commit."""

    def __init__(self, trial, moment: str) -> None:
        self._trial = trial
        self._messages = mixture(seed=31)
        self._traffic = trial.traffic()
        order = {} if moment == "any" else {"FAILPOINTS": f"{moment}=stop@3"}
        self.zombie = trial.consumer(**_SESSION, **order)
        trial.wait_for_share(self.zombie, 2)
        if moment == "any":
            with self._traffic.flowing(self._messages, per_second=400):
                wait_until(trial.stored, "the zombie has begun")
                self.zombie.freeze()
        while not self.zombie.frozen:
            self.send()
        self.send()

    def send(self) -> None:
        """Give each partition something."""
        for partition in (0, 1):
            self._traffic.send(islice(self._messages, 20), partition)

    def heir(self, **environ: str):
        """Another consumer."""
        return self._trial.consumer(**{**_SESSION, **environ})

    def end(self, *heirs) -> None:
        """The zombie comes back, is a member again, and in the end does all the work alone."""
        trial = self._trial
        self.zombie.thaw()
        self.send()
        for heir in heirs:
            heir.thaw()
        trial.wait_until_stored()
        for heir in heirs:
            heir.terminate()
            assert heir.ended() == 0
        trial.wait_for_share(self.zombie, 2)
        self.send()
        trial.wait_until_stored()
        trial.prove()


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
    # A second owner that freezes before it has moved anything, and that the group does not give up meanwhile.
    frozen = haunting.heir(FAILPOINTS="before-commit=stop@1", KAFKA_SESSION_TIMEOUT_MS="60000")
    heir = haunting.heir()
    trial.wait_for_share(frozen, 1)
    trial.wait_for_share(heir, 1)
    frozen.wait_until_frozen()
    (kept,), (lost,) = trial.owned(frozen), trial.owned(heir)
    trial.wait_until_stored({lost})
    before = trial.partitions()[kept].position
    haunting.zombie.thaw()
    wait_until(lambda: trial.partitions()[kept].position > before, "the zombie has stored what it took")
    haunting.end(frozen, heir)
