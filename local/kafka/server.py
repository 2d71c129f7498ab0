"""How a one-process KRaft broker is configured, and when it is ready."""

import logging
import socket
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.kafka.errors import StartError

BROKER = MappingProxyType(
    {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        # Topics are created explicitly only.
        "auto.create.topics.enable": "false",
        # One broker can hold one replica.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Internal topics of 50 partitions cost a second of start and of recovery; 4 still spread
        # groups.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        # A test's consumer gets its partitions at once, and its short session timeouts are allowed.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # Under the consumer protocol (KIP-848) the broker sets them for all members.
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": "3000",
        "group.consumer.min.heartbeat.interval.ms": "500",
        "group.consumer.heartbeat.interval.ms": "500",
        # After a kill the controller admits the broker again once its old session has timed out: 3
        # s, not 9.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # A test can grant and deny rights; what has no ACL is permitted.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
        # After a kill a broker reads each active segment again: small ones bound its restart.
        "log.segment.bytes": str(32 * 1024 * 1024),
        "message.max.bytes": str(8 * 1024 * 1024),
        "log.retention.hours": "24",
    }
)


def listeners(
    port: int, controller_port: int, bind: str = "127.0.0.1", advertised_port: int | None = None
) -> dict[str, str]:
    """Return the listener settings: where the broker listens, and the address for its clients."""
    return {
        "listeners": f"PLAINTEXT://{bind}:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{advertised_port or port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
    }


def render(properties: Mapping[str, str]) -> str:
    """Render the text of a server.properties file."""
    return "".join(f"{name}={value}\n" for name, value in properties.items())


_silent = logging.Logger("local.kafka.readiness", level=logging.CRITICAL)


def answers(bootstrap_servers: str, within: float = 2.0) -> bool:
    """Whether a Kafka answers a metadata request within this many seconds."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers}, logger=_silent)
    try:
        return bool(client.list_topics(timeout=within).brokers)
    except KafkaException:
        return False


def wait_until_ready(port: int, check_alive: Callable[[], None], within: float = 60.0) -> None:
    """Return once the broker on this port of loopback answers a metadata request.

    Args:
        port: of the broker.
        check_alive: called between attempts; raises if the broker has ended.
        within: seconds.

    Raises:
        StartError: the broker is not ready in time.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        check_alive()
        if _listens(port) and answers(f"127.0.0.1:{port}"):
            return
        time.sleep(0.05)
    raise StartError(f"The broker on port {port} of localhost was not ready after {within:.0f} s.")


def _listens(port: int) -> bool:
    """Whether the port accepts connections: cheaper than a client, which would back off."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
