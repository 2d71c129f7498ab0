"""A fault scenario: one topic, one table, consumer processes, and the proof at the end."""

import json
import secrets
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.interface import Headers
from classwaves_ingestor.kafka.topic_creation import TopicLayout, create_topics
from classwaves_ingestor.kafka.topics import describe_topic
from classwaves_ingestor.reconciliation.status import PartitionStatus, status
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.open import open_warehouse
from demo.environment import Environment
from tests.support import engine
from tests.support.consumer_process import ConsumerProcess
from tests.support.mixture import Identity
from tests.support.topic_reader import dead_letter_reasons
from tests.support.traffic import Sent, Traffic
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from local.databricks import Endpoint

_GRACE_SECONDS = 20.0
_NO_COORDINATOR = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
_CONSUMER = {
    "KAFKA_TOPIC_METADATA_REFRESH_INTERVAL_MS": "1000",
    "BATCH_MAX_SECONDS": "0.2",
    "UPKEEP_SECONDS": "0",
}


class FaultScenario:
    """Consumer processes of a topic of their own.

    Args:
        folder: for logs and tables.
        bootstrap_servers: of a real broker.
        topic: name of the topic and of the group.
        environ: environment of the processes.
        partitions: number of partitions.
        endpoint: SQL warehouse with the tables; None for tables in the folder.
    """

    def __init__(
        self,
        folder: Path,
        bootstrap_servers: str,
        topic: str,
        environ: Mapping[str, str],
        partitions: int,
        endpoint: "Endpoint | None" = None,
    ) -> None:
        key = folder / "pseudonym.key"
        key.write_text(secrets.token_hex(32))
        settings = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "SESSION_EVENTS_TOPIC": topic,
            "INGESTOR_GROUP": topic,
            "WAREHOUSE": f"delta:{folder / 'warehouse'}",
            "PSEUDONYM_KEY_FILE": str(key),
            **(endpoint.environment if endpoint else {}),
        }
        self.environment = Environment(folder, {**environ, **settings})
        self.environment.logs.mkdir()
        self.table = (
            endpoint.table_folder("analytics", "session_events")
            if endpoint
            else self.environment.table
        )
        self.sent = Sent()
        self.group_protocol = "classic"
        self.topic = topic
        self.admin: AdminClient = connect(self.environment.settings.kafka)
        self._consumers: list[ConsumerProcess] = []
        self._upkeeps: list[ConsumerProcess] = []
        self.create_topic(partitions)
        open_warehouse(self.environment.settings.warehouse).tables.migrate()

    def create_topic(self, partitions: int) -> None:
        """Create the missing topics."""
        list(create_topics(self.admin, self.environment.settings, TopicLayout(partitions)))

    def delete_topic(self) -> None:
        """Delete the topic and wait until it is gone. Its dead letters stay."""
        self.admin.delete_topics([self.topic], operation_timeout=30)[self.topic].result()
        wait_until(
            lambda: self.topic not in self.admin.list_topics(timeout=10).topics, "the topic is gone"
        )

    def add_partitions(self, total: int) -> None:
        """Grow the topic to this number of partitions."""
        self.admin.create_partitions([NewPartitions(self.topic, total)])[self.topic].result()

    def forget_broker_time(self) -> None:
        """Take away both sources of the brokers' time: the clock topic, and append times."""
        entry = ConfigEntry(
            "message.timestamp.type", "CreateTime", incremental_operation=AlterConfigOpType.SET
        )
        changed = ConfigResource(ResourceType.TOPIC, self.topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([changed])[changed].result()
        clock = self.environment.settings.clock_topic
        self.admin.delete_topics([clock], operation_timeout=30)[clock].result()

    def topic_id(self) -> str:
        """The topic's current id."""
        return describe_topic(self.admin, self.topic).topic_id

    def traffic(self, partitioner: str = "murmur2_random", headers: Headers = ()) -> Traffic:
        """A producer whose events the proof expects."""
        return Traffic(
            self.environment.environ["KAFKA_BOOTSTRAP_SERVERS"],
            self.topic,
            self.sent,
            partitioner,
            headers,
        )

    def consumer(self, **environ: str) -> ConsumerProcess:
        """Start `ingestor run` with the client id consumer-1, consumer-2, …"""
        name = f"consumer-{len(self._consumers) + 1}"
        given = {**self.environment.environ, **_CONSUMER, "KAFKA_CLIENT_ID": name, **environ}
        if self.group_protocol == "consumer":
            # The brokers set both for all members.
            given.pop("KAFKA_SESSION_TIMEOUT_MS", None)
            given.pop("KAFKA_HEARTBEAT_INTERVAL_MS", None)
        process = ConsumerProcess(
            Environment.command("ingestor", "run"),
            {**given, "KAFKA_GROUP_PROTOCOL": self.group_protocol},
            self.environment.logs / f"{name}.log",
        )
        self._consumers.append(process)
        return process

    def upkeep(self, **environ: str) -> ConsumerProcess:
        """Start `ingestor upkeep`."""
        name = f"upkeep-{len(self._upkeeps) + 1}"
        process = ConsumerProcess(
            Environment.command("ingestor", "upkeep"),
            {**self.environment.environ, **environ},
            self.environment.logs / f"{name}.log",
        )
        self._upkeeps.append(process)
        return process

    def owned(self, consumer: ConsumerProcess) -> set[int]:
        """The partitions assigned to a consumer; none while the group has no coordinator."""
        try:
            group = self.admin.describe_consumer_groups([self.topic], request_timeout=10)[
                self.topic
            ].result()
        except KafkaException as error:
            if error.args[0].code() in _NO_COORDINATOR:
                return set()
            raise
        return {
            each.partition
            for member in group.members
            if member.client_id == consumer.log.stem and member.assignment is not None
            for each in member.assignment.topic_partitions
        }

    def wait_for_share(self, consumer: ConsumerProcess, count: int) -> None:
        """Wait until a consumer is assigned this number of partitions."""
        wait_until(
            lambda: len(self.owned(consumer)) == count,
            f"{consumer.log.stem} has {count} partitions",
        )

    def partitions(self) -> Mapping[int, PartitionStatus]:
        """The status of each partition."""
        settings = self.environment.settings
        return status(settings, open_warehouse(settings.warehouse)).partitions

    def wait_until_stored(self, partitions: Collection[int] | None = None) -> None:
        """Wait until the group has reached the end of these partitions, or of all."""

        def done() -> bool:
            assert any(each.code is None for each in self._consumers), self._log_tails()
            try:
                found = self.partitions()
            except (BrokerUnavailable, WarehouseUnavailable):
                return False
            return not any(
                found[each].lag for each in (found if partitions is None else partitions)
            )

        wait_until(done, "all is stored")

    def verify(self, *options: str) -> tuple[int, dict[str, Any]]:
        """Exit code and output of `ingestor verify --json`."""
        done = self.environment.run("ingestor", "verify", "--json", *options)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def acknowledge(self) -> str:
        """The output of `ingestor partitions acknowledge`."""
        done = self.environment.run("ingestor", "partitions", "acknowledge")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stored(self) -> Counter[Identity]:
        """How often each event of the current topic is in the table."""
        return Counter((row.session_id, row.id) for row in self._rows())

    def prove(self) -> None:
        """Check the table and `ingestor verify`: each valid event is stored once, nothing else."""
        assert [row for row in self._rows() if not self.sent.contains(row)][:5] == [], (
            "not sent, or with wrong coordinates"
        )
        stored = self.stored()
        assert sorted(self.sent.events.keys() - stored.keys())[:5] == [], "missing"
        assert [identity for identity, times in stored.items() if times > 1][:5] == [], "twice"
        assert stored.keys() == self.sent.events.keys()
        settings = self.environment.settings
        dead_lettered = dead_letter_reasons(
            settings.kafka["bootstrap.servers"], settings.dead_letter_topic, self.topic_id()
        )
        assert dead_lettered.keys() == self.sent.refused
        code, found = self.verify()
        total = found["total"]
        assert (total["missing"], total["twice"], total["in_flight"], code) == (0, 0, 0, 0), found[
            "findings"
        ]
        assert (total["stored"], total["dead_lettered"]) == (len(stored), len(dead_lettered))
        assert total["sent"] == self.sent.messages + total["kafka_holes"]

    def _rows(self) -> list[engine.Row]:
        topic_id = self.topic_id()
        return [row for row in engine.rows(self.table) if row.topic_id == topic_id]

    def _log_tails(self) -> str:
        return "\n".join(each.log_tail() for each in self._consumers)

    def close(self) -> None:
        """End the processes by SIGTERM, so that coverage is written; after 20 s by SIGKILL."""
        running = [each for each in self._consumers if each.code is None]
        for each in running:
            each.terminate()
            each.thaw()
        for each in running:
            each.wait(_GRACE_SECONDS)
        for each in (*self._consumers, *self._upkeeps):
            each.kill()
