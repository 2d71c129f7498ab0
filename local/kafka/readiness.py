"""Ready means that the broker itself said so: a metadata answer that names a broker."""

import logging
import socket
import time
from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.kafka.errors import StartError

_silent = logging.Logger("local.kafka.readiness", level=logging.CRITICAL)


def answers(bootstrap_servers: str, within: float = 2.0) -> bool:
    """Whether a Kafka there answers a metadata request within so many seconds."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers}, logger=_silent)
    try:
        return bool(client.list_topics(timeout=within).brokers)
    except KafkaException:
        return False


def wait_until_ready(port: int, check_alive: Callable[[], None], within: float = 60.0) -> None:
    """Return once the broker on this port of loopback is ready.

    `check_alive` is called between attempts and raises when waiting has become pointless.
    Raises StartError after `within` seconds.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        check_alive()
        if _listens(port) and answers(f"127.0.0.1:{port}"):
            return
        time.sleep(0.05)
    raise StartError(f"The broker on port {port} of localhost was not ready after {within:.0f} s.")


def _listens(port: int) -> bool:
    """A connection attempt is cheaper than a client, and keeps librdkafka from backing off."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
