"""A process of the demo that has a name and a place, whichever process it is at the moment."""

import signal
import time
from collections.abc import Mapping, Sequence
from typing import Self

from demo.errors import ProcessDied
from demo.process import Process
from demo.world import World


class Pod:
    """It can be started, killed and started again, and is not left when the `with` block ends.

    Args:
        world: where it runs.
        name: what it is called, in its logs too.
        command: program and arguments.
        environ: what its environment has beside the world's.
        port: where it answers its probes; None if it has none.
        lasting: whether it runs until it is told to end; others end with code 0 when their work is done.
    """

    def __init__(
        self,
        world: World,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        port: int | None = None,
        lasting: bool = False,
    ) -> None:
        self.name = name
        self.port = port
        self._world = world
        self._command = command
        self._environ = dict(environ) if port is None else {**environ, "HTTP_PORT": str(port)}
        self._lasting = lasting
        self._process: Process | None = None
        self._starts = 0
        self._asked = False
        self.started_at = 0.0
        """Seconds of the monotonic clock at which its last process was started."""

    @property
    def pid(self) -> int | None:
        """The id of its process; None if none runs."""
        return (
            self._process.pid if self._process is not None and self._process.code is None else None
        )

    @property
    def up(self) -> bool:
        """Whether its process runs."""
        return self.pid is not None

    @property
    def failed(self) -> bool:
        """Whether its process ended and should not have, or not so."""
        if self._process is None or self._process.code is None:
            return False
        # One that was asked to end before it could listen had not begun.
        clean = {0, -signal.SIGTERM} if self._asked else set() if self._lasting else {0}
        return self._process.code not in clean

    @property
    def ended(self) -> bool:
        """Whether its work is done. One that was killed has not ended."""
        return self._process is not None and self._process.code is not None

    def __str__(self) -> str:
        return self.name if self.pid is None else f"{self.name} (process {self.pid})"

    def start(self) -> None:
        """Start a process in place of the one before."""
        self.kill()
        self._starts += 1
        self.started_at = time.monotonic()
        self._process = self._world.start(
            f"{self.name}-start-{self._starts}", *self._command, **self._environ
        )

    def kill(self) -> None:
        """SIGKILL to the process, if there is one. The pod is down until it is started again."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def terminate(self) -> None:
        """SIGTERM to the process, if one runs."""
        if self._process is not None and self._process.code is None:
            self._asked = True
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Return once it has ended. Raises ProcessDied if it does not do so cleanly within so many seconds."""
        if self._process is not None and self._process.wait(seconds) != 0:
            raise self._died(self._process)

    def check(self) -> None:
        """Raises ProcessDied if it ended and should not have, or not so."""
        if self.failed and self._process is not None:
            raise self._died(self._process)

    def _died(self, process: Process) -> ProcessDied:
        return ProcessDied(f"{self.name} ended with {process.code}: {process.last_words()}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
