"""The settings of a one-process KRaft broker: small, quick to start, nothing created behind a test's back."""

from collections.abc import Mapping
from types import MappingProxyType

BROKER = MappingProxyType(
    {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        # A topic exists only when somebody asked for it.
        "auto.create.topics.enable": "false",
        # One broker can hold one replica.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Internal topics of 50 partitions cost a second of start and of recovery; 4 still spread groups.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        # A test's consumer gets its partitions at once, and its short session timeouts are allowed.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # After a kill the controller admits the broker again once the old session is over: 3 s, not 9.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "message.max.bytes": str(8 * 1024 * 1024),
        "log.retention.hours": "24",
    }
)


def listeners(port: int, controller_port: int, bind: str = "127.0.0.1") -> dict[str, str]:
    """Where the broker listens, and the loopback address that it tells its clients."""
    return {
        "listeners": f"PLAINTEXT://{bind}:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
    }


def render(properties: Mapping[str, str]) -> str:
    """The text of a server.properties file."""
    return "".join(f"{name}={value}\n" for name, value in properties.items())
