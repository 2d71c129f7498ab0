"""The consumers: `ingestor run` as processes that can be killed and started again."""

import time
from typing import Self

from demo.errors import ProcessDied
from demo.process import Process
from demo.world import World

# A killed member's partitions go to the others after this time; Kafka's default of 45 s is longer than the demo.
_GROUP = {"KAFKA_SESSION_TIMEOUT_MS": "6000", "KAFKA_HEARTBEAT_INTERVAL_MS": "1500"}
_PACE = {"BATCH_MAX_SECONDS": "0.5", "LOG_LEVEL": "INFO"}
_READY = "partitions granted"
_READY_SECONDS = 60.0
_GRACE_SECONDS = 30.0


class Consumers:
    """A group of consumers, none of which is left when the `with` block ends.

    Arguments:
        world: where they run.
        count: how many there are.
    """

    def __init__(self, world: World, count: int) -> None:
        self._world = world
        self._running: dict[int, Process] = {}
        self._count = count
        self._starts = 0

    def start(self, number: int) -> Process:
        """Start a consumer that is not running."""
        self._starts += 1
        command = self._world.command("ingestor", "run")
        process = self._world.start(f"consumer-{number + 1}-start-{self._starts}", *command, **_GROUP, **_PACE)
        self._running[number] = process
        return process

    def kill(self, number: int) -> int:
        """SIGKILL a running consumer; its process id."""
        process = self._running.pop(number)
        process.kill()
        return process.pid

    def wait_until_ready(self) -> None:
        """Return once each has been told its partitions. Raises ProcessDied if one ends or is not ready after 60 s."""
        deadline = time.monotonic() + _READY_SECONDS
        while not all(_READY in process.log.read_text(errors="replace") for process in self._running.values()):
            self.check_alive()
            if time.monotonic() > deadline:
                raise ProcessDied(f"The consumers were not told their partitions within {_READY_SECONDS:.0f} s.")
            time.sleep(0.1)

    def check_alive(self) -> None:
        """Raises ProcessDied if one has ended that nobody killed."""
        for number, process in self._running.items():
            if process.code is not None:
                raise ProcessDied(f"Consumer {number + 1} ended with {process.code}: {process.last_words()}")

    def stop(self) -> None:
        """SIGTERM to all: store what was taken, leave the group. Raises ProcessDied if one does not do so cleanly."""
        for process in self._running.values():
            process.terminate()
        for number, process in self._running.items():
            if code := process.wait(_GRACE_SECONDS):
                raise ProcessDied(f"Consumer {number + 1} ended with {code} after SIGTERM: {process.last_words()}")

    def __enter__(self) -> Self:
        for number in range(self._count):
            self.start(number)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
