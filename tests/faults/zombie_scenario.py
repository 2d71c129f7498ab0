"""A zombie: a consumer frozen beyond its session timeout that continues later."""

import time
from itertools import islice

from tests.faults.scenario import FaultScenario
from tests.support.consumer_process import ConsumerProcess
from tests.support.mixture import mixture
from tests.support.waiting import wait_until

SESSION = {"KAFKA_SESSION_TIMEOUT_MS": "3000", "KAFKA_HEARTBEAT_INTERVAL_MS": "500"}


class ZombieScenario:
    """A consumer of both partitions, frozen at any time or at a step of its third commit."""

    def __init__(self, scenario: FaultScenario, moment: str) -> None:
        self._scenario = scenario
        self._messages = mixture(seed=31)
        self._traffic = scenario.traffic()
        order = {} if moment == "any" else {"FAILPOINTS": f"{moment}=stop@3"}
        self.zombie = scenario.consumer(**SESSION, **order)
        scenario.wait_for_share(self.zombie, 2)
        if moment == "any":
            with self._traffic.flowing(self._messages, per_second=400):
                wait_until(scenario.stored, "the zombie has stored something")
                self.zombie.freeze()
        while not self.zombie.frozen:
            self.send()
            time.sleep(0.1)
        self.send()

    def send(self) -> None:
        """Send messages to each partition."""
        for partition in (0, 1):
            self._traffic.send(islice(self._messages, 20), partition)

    def successor(self, **environ: str) -> ConsumerProcess:
        """Start another consumer."""
        return self._scenario.consumer(**{**SESSION, **environ})

    def end(self, *successors: ConsumerProcess) -> None:
        """Thaw the zombie, end the successors, and let the zombie store the rest alone."""
        scenario = self._scenario
        self.zombie.thaw()
        self.send()
        for successor in successors:
            successor.thaw()
        scenario.wait_until_stored()
        for successor in successors:
            successor.terminate()
            assert successor.ended() == 0
        scenario.wait_for_share(self.zombie, 2)
        self.send()
        scenario.wait_until_stored()
        scenario.prove()
