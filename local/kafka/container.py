"""Runs Apache Kafka's own image in Docker."""

import shutil
import subprocess

from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from local.kafka import server
from local.kafka.errors import UnavailableError
from local.kafka.free_port import free_port
from local.kafka.jars import KAFKA
from local.kafka.kafka import Kafka
from local.kafka.server import wait_until_ready

IMAGE = f"apache/kafka:{KAFKA.version}"
_CONTROLLER_PORT = 9093


def start(port: int = 0) -> Kafka:
    """Start a broker in a container.

    Args:
        port: on loopback; 0 takes a free one.

    Raises:
        UnavailableError: Docker does not answer or cannot run the image.
        StartError: the broker does not become ready.
    """
    _check_docker()
    port = port or free_port()
    settings = {**server.BROKER, **server.listeners(port, _CONTROLLER_PORT, bind="0.0.0.0")}
    container = DockerContainer(IMAGE).with_envs(**environment(settings))
    # with_bind_ports would open a Kafka without a password to the whole network.
    container.ports[f"{port}/tcp"] = ("127.0.0.1", port)  # type: ignore[assignment]
    try:
        container.start()
    except DockerException as error:
        raise UnavailableError(f"Docker could not run {IMAGE}: {error}.") from error
    try:
        wait_until_ready(port, lambda: None)
    except BaseException:
        container.stop()
        raise
    return Kafka("container", f"Apache {KAFKA}, a container,", f"127.0.0.1:{port}", container.stop)


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Return broker settings as the image reads them: KAFKA_NODE_ID for node.id."""
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}


def _check_docker() -> None:
    """Raise UnavailableError if Docker does not answer.

    Docker's own client honours contexts; the library leaks a socket if Docker is down.
    """
    client = shutil.which("docker")
    if client is None:
        raise UnavailableError("No docker in PATH.")
    try:
        subprocess.run([client, "version"], capture_output=True, check=True, timeout=10)
    except subprocess.SubprocessError as error:
        raise UnavailableError("Docker does not answer.") from error
