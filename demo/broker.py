"""The broker as something that dies and comes back, if it is ours to kill."""

import math
import time
from threading import Thread

from local.kafka import Kafka, LocalKafkaError


class Broker:
    """Kills and restarts a Kafka; a restart takes seconds and is not waited for.

    Args:
        kafka: which one. Only a single process that the demo started can be killed.
    """

    def __init__(self, kafka: Kafka) -> None:
        self.product = kafka.product.rstrip(",")
        self._process = kafka.broker
        self._up = True
        self._error: LocalKafkaError | None = None
        self.back_at = -math.inf
        """Seconds of the monotonic clock until which it was away the last time."""

    def __str__(self) -> str:
        return "the broker"

    @property
    def mortal(self) -> bool:
        """Whether it is ours to kill."""
        return self._process is not None

    @property
    def up(self) -> bool:
        """Whether it answers. Raises StartError if it could not be started again."""
        if self._error is not None:
            raise self._error
        return self._up

    def kill(self) -> None:
        """SIGKILL, with its data left as they lie."""
        assert self._process is not None, "somebody else's broker is left alone"
        self._up, self.back_at = False, math.inf
        self._process.kill()

    def start(self) -> None:
        """Start it again on the same data, soon."""
        Thread(target=self._start, name="broker-start", daemon=True).start()

    def _start(self) -> None:
        assert self._process is not None
        try:
            self._process.start()
        except LocalKafkaError as error:
            self._error = error
        else:
            self._up, self.back_at = True, time.monotonic()
