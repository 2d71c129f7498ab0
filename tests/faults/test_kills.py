"""Consumers come and go as badly as they can, over one stream that never stops."""

import os
import signal
import time
from dataclasses import dataclass
from itertools import cycle
from random import Random

from tests.faults.scenario import FaultScenario
from tests.support.consumer_process import ConsumerProcess
from tests.support.mixture import mixture

_KILLS = 22
_MEMBERS = 3
_POINTS = ("letters-written", "before-commit", "committed", "appended")
# A dead member holds the group up for as long as its session lasts.
_ENVIRON = {"KAFKA_SESSION_TIMEOUT_MS": "2000", "KAFKA_HEARTBEAT_INTERVAL_MS": "500"}


@dataclass
class Life:
    """A consumer and how it shall end: at a moment, unless a fail point comes first."""

    consumer: ConsumerProcess
    ends_at: float
    gracefully: bool

    def end_if_due(self) -> None:
        if time.monotonic() < self.ends_at:
            return
        if self.gracefully:
            if not any(self.consumer.records("Partitions assigned")):
                return  # SIGTERM would come before there is a handler for it
            self.consumer.terminate()
            self.consumer.ended()
        else:
            self.consumer.kill()


class Lives:
    """Lives of every kind, in turn."""

    def __init__(self, scenario: FaultScenario, chance: Random) -> None:
        self._scenario = scenario
        self._chance = chance
        self._kinds = cycle(
            (self._cut_off_early, self._cut_off_in_its_first_commit, self._cut_off, self._ended)
        )

    def begin(self) -> Life:
        return next(self._kinds)()

    def _cut_off_early(self) -> Life:
        return self._life(0.2, 4.0)

    def _cut_off_in_its_first_commit(self) -> Life:
        return self._life(8.0, 12.0, FAILPOINTS=f"{self._chance.choice(_POINTS)}=kill@1")

    def _cut_off(self) -> Life:
        return self._life(4.0, 10.0)

    def _ended(self) -> Life:
        return self._life(4.0, 10.0, gracefully=True)

    def _life(self, least: float, most: float, *, gracefully: bool = False, **environ: str) -> Life:
        consumer = self._scenario.consumer(**_ENVIRON, **environ)
        return Life(consumer, time.monotonic() + self._chance.uniform(least, most), gracefully)


def test_every_valid_event_is_stored_once_over_twenty_kills(scenario):
    seed = int(os.environ.get("FAULTS_SEED") or Random().randrange(10**6))
    print(f"FAULTS_SEED={seed}")  # noqa: T201  # to play a failure again
    lives = Lives(scenario, Random(seed))
    alive: list[Life] = []
    ends: list[int] = []
    with scenario.traffic().flowing(mixture(seed), per_second=200):
        while ends.count(-signal.SIGKILL) < _KILLS:
            alive += [lives.begin() for _ in range(_MEMBERS - len(alive))]
            time.sleep(0.05)
            for life in alive:
                life.end_if_due()
            ends += [life.consumer.code for life in alive if life.consumer.code is not None]
            alive = [life for life in alive if life.consumer.code is None]
    assert set(ends) == {-signal.SIGKILL, 0}
    scenario.consumer(**_ENVIRON)
    scenario.wait_until_stored()
    scenario.prove()
