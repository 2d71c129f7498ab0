"""Finds a free TCP port on loopback that a restarted server can take again."""

import random
import socket

from local.kafka.errors import StartError

# Below the ephemeral ranges of Linux (32768) and macOS (49152): while a killed broker is down, a
# client's
# outgoing connection can neither take its port nor connect to itself on it.
_RANGE = range(20_000, 32_000)
_ATTEMPTS = 100


def free_port() -> int:
    """Return a port without a listener."""
    for port in random.sample(_RANGE, _ATTEMPTS):
        if is_free(port):
            return port
    tried = f"{_ATTEMPTS} ports between {_RANGE.start} and {_RANGE.stop}"
    raise StartError(f"None of {tried} of localhost is free: stop the processes that use them.")


def is_free(port: int) -> bool:
    """Whether a server can listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
