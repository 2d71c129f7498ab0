"""Random kills and restarts of consumers while messages are produced without a pause."""

import os
import signal
import time
from dataclasses import dataclass
from itertools import cycle
from random import Random

import pytest

from tests.faults.scenario import FaultScenario
from tests.support.consumer_process import ConsumerProcess
from tests.support.mixture import mixture

_KILLS = {"classic": 22, "consumer": 8}
_MEMBERS = 3
_POINTS = ("letters-written", "before-commit", "committed", "appended")
# A killed member delays the group until its session times out.
_ENVIRON = {"KAFKA_SESSION_TIMEOUT_MS": "2000", "KAFKA_HEARTBEAT_INTERVAL_MS": "500"}


@dataclass
class ScheduledConsumer:
    """A consumer and the time of its end, unless a fail point ends it earlier."""

    consumer: ConsumerProcess
    ends_at: float
    gracefully: bool

    def end_if_due(self) -> None:
        if time.monotonic() < self.ends_at:
            return
        if self.gracefully:
            if not any(self.consumer.records("Partitions assigned")):
                return  # the process has no handler for SIGTERM yet
            self.consumer.terminate()
            self.consumer.ended()
        else:
            self.consumer.kill()


class ConsumerSchedule:
    """Starts consumers with each kind of end in rotation."""

    def __init__(self, scenario: FaultScenario, chance: Random) -> None:
        self._scenario = scenario
        self._chance = chance
        self._kinds = cycle(
            (self._killed_early, self._killed_in_its_first_commit, self._killed, self._terminated)
        )

    def start(self) -> ScheduledConsumer:
        return next(self._kinds)()

    def _killed_early(self) -> ScheduledConsumer:
        return self._scheduled(0.2, 4.0)

    def _killed_in_its_first_commit(self) -> ScheduledConsumer:
        return self._scheduled(8.0, 12.0, FAILPOINTS=f"{self._chance.choice(_POINTS)}=kill@1")

    def _killed(self) -> ScheduledConsumer:
        return self._scheduled(4.0, 10.0)

    def _terminated(self) -> ScheduledConsumer:
        return self._scheduled(4.0, 10.0, gracefully=True)

    def _scheduled(
        self, least: float, most: float, *, gracefully: bool = False, **environ: str
    ) -> ScheduledConsumer:
        consumer = self._scenario.consumer(**_ENVIRON, **environ)
        return ScheduledConsumer(
            consumer, time.monotonic() + self._chance.uniform(least, most), gracefully
        )


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_every_valid_event_is_stored_once_over_many_kills(scenario, protocol):
    scenario.group_protocol = protocol
    seed = int(os.environ.get("FAULTS_SEED") or Random().randrange(10**6))
    print(f"FAULTS_SEED={seed}")  # noqa: T201  # to reproduce a failure
    schedule = ConsumerSchedule(scenario, Random(seed))
    alive: list[ScheduledConsumer] = []
    ends: list[int] = []
    with scenario.traffic().flowing(mixture(seed), per_second=200):
        while ends.count(-signal.SIGKILL) < _KILLS[protocol]:
            alive += [schedule.start() for _ in range(_MEMBERS - len(alive))]
            time.sleep(0.05)
            for each in alive:
                each.end_if_due()
            ends += [each.consumer.code for each in alive if each.consumer.code is not None]
            alive = [each for each in alive if each.consumer.code is None]
    assert set(ends) == {-signal.SIGKILL, 0}
    scenario.consumer(**_ENVIRON)
    scenario.wait_until_stored()
    scenario.prove()
