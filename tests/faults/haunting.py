"""A consumer that freezes until the group has given it up, and then goes on as if no time had passed."""

import time
from itertools import islice

from tests.faults.trial import Trial
from tests.support.consumer_process import ConsumerProcess
from tests.support.mixture import mixture
from tests.support.waiting import wait_until

_SESSION = {"KAFKA_SESSION_TIMEOUT_MS": "3000", "KAFKA_HEARTBEAT_INTERVAL_MS": "500"}


class Haunting:
    """A consumer of both partitions that is frozen, at any moment or at a step of its third commit."""

    def __init__(self, trial: Trial, moment: str) -> None:
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
            time.sleep(0.1)
        self.send()

    def send(self) -> None:
        """Give each partition something."""
        for partition in (0, 1):
            self._traffic.send(islice(self._messages, 20), partition)

    def heir(self, **environ: str) -> ConsumerProcess:
        """Another consumer."""
        return self._trial.consumer(**{**_SESSION, **environ})

    def end(self, *heirs: ConsumerProcess) -> None:
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
