"""A member of a real Kafka consumer group, on librdkafka."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from classwaves_ingestor.broker.interface import Listener, Message, Polled
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.topics.incarnation import Incarnation
from classwaves_runtime.errors import SettingsError

log = logging.getLogger(__name__)

_WATERMARK_SECONDS = 10.0
_OFFSET_ERRORS = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}

_GUARANTEED: Mapping[str, str | bool] = {
    # Positions live in the table; the group's offsets are written for lag tools and never read back.
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # An offset that the broker does not have is an error to look at, never a silent jump.
    "auto.offset.reset": "error",
    # The end of a partition moves the position past transaction markers.
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "cooperative-sticky",
}
"""What the guarantees rest on; the environment cannot change it."""


def consumer_options(
    options: Mapping[str, str], group: str, prefetch_bytes: int
) -> dict[str, str | int | bool]:
    """The configuration of a member, in librdkafka's names.

    Args:
        options: from the environment (KAFKA_X_Y as x.y); they win over our defaults.
        group: the consumer group.
        prefetch_bytes: how much librdkafka may fetch ahead of `poll`, over all partitions.

    Raises:
        SettingsError: an option would break a guarantee.
    """
    for name in options.keys() & (_GUARANTEED.keys() | {"group.id"}):
        variable = "KAFKA_" + name.upper().replace(".", "_")
        raise SettingsError(
            f"{variable} cannot be set: the ingestor's guarantees rest on its own value. Remove it."
        )
    defaults: dict[str, str | int | bool] = {
        "queued.max.messages.kbytes": prefetch_bytes // 1024,
        "fetch.wait.max.ms": 100,
        "topic.metadata.refresh.interval.ms": 30_000,  # how soon an added partition is noticed
        # A broker that was frozen is dropped from the metadata; after this long without one, ask the first ones again.
        "metadata.recovery.rebootstrap.trigger.ms": 10_000,
        "client.id": "classwaves-ingestor",
    }
    return {**defaults, **options, **_GUARANTEED, "group.id": group}


class KafkaMember:
    """A member that grants itself nothing: librdkafka fetches a partition only once its position is known.

    In a rebalance it acknowledges an empty assignment and remembers the grant; `start` assigns the partition with an
    explicit offset. So no offset of the group is ever used, and a warehouse that takes minutes to tell a position
    holds up neither the rebalance nor the heartbeat.

    Args:
        options: as `consumer_options` makes them.
        topic: to read.
        incarnation: of the same topic.
    """

    def __init__(
        self, options: Mapping[str, str | int | bool], topic: str, incarnation: Incarnation
    ) -> None:
        self._topic = topic
        self._incarnation = incarnation
        self._fetching: set[int] = set()
        self._paused = False
        configuration: dict[str, object] = {
            **options,
            "error_cb": _log_error,
            "on_commit": _log_commit,
        }
        self._consumer = Consumer(configuration, logger=log)

    def subscribe(self, listener: Listener) -> None:
        """See `Member.subscribe`."""

        def granted(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            consumer.incremental_assign([])
            listener.granted([each.partition for each in partitions])

        def withdrawn(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            gone = {each.partition for each in partitions}
            consumer.incremental_unassign(self._located(gone & self._fetching))
            self._fetching -= gone
            listener.withdrawn(sorted(gone))

        self._consumer.subscribe(
            [self._topic], on_assign=granted, on_revoke=withdrawn, on_lost=withdrawn
        )

    def poll(self, limit: int, timeout: float) -> Polled:
        """See `Member.poll`."""
        messages: list[Message] = []
        ends: dict[int, int] = {}
        refused: dict[int, str] = {}
        for message in self._consumer.consume(limit, timeout):
            error, partition, offset = message.error(), message.partition(), message.offset()
            if error is None:
                messages.append(cast("Message", message))
            elif (
                error.code() == KafkaError._PARTITION_EOF
                and partition is not None
                and offset is not None
            ):
                ends[partition] = offset
            elif error.code() in _OFFSET_ERRORS and partition is not None:
                refused[partition] = error.str()
            else:
                log.warning("the broker reports an error", extra={"kafka_error": error.str()})
        return Polled(messages, ends, refused)

    def start(self, positions: Mapping[int, int]) -> None:
        """See `Member.start`."""
        self.stop([each for each in positions if each in self._fetching])
        self._consumer.incremental_assign(
            [
                TopicPartition(self._topic, partition, offset)
                for partition, offset in positions.items()
            ]
        )
        self._fetching |= positions.keys()
        if self._paused:
            self.pause()

    def stop(self, partitions: Sequence[int]) -> None:
        """See `Member.stop`."""
        fetching = self._fetching.intersection(partitions)
        if fetching:
            self._consumer.incremental_unassign(self._located(fetching))
            self._fetching -= fetching

    def pause(self) -> None:
        """See `Member.pause`."""
        self._paused = True
        self._consumer.pause(self._located(self._fetching))

    def resume(self) -> None:
        """See `Member.resume`."""
        self._paused = False
        self._consumer.resume(self._located(self._fetching))

    def watermarks(self, partition: int) -> tuple[int, int]:
        """See `Member.watermarks`."""
        try:
            found = self._consumer.get_watermark_offsets(
                TopicPartition(self._topic, partition), timeout=_WATERMARK_SECONDS
            )
        except KafkaException as error:
            raise BrokerUnavailable(
                f"No watermarks of {self._topic}[{partition}]: {error.args[0].str()}"
            ) from error
        if found is None:
            raise BrokerUnavailable(
                f"No watermarks of {self._topic}[{partition}] within {_WATERMARK_SECONDS:.0f} s."
            )
        low, high = found
        return low, high

    def ends(self) -> Mapping[int, int]:
        """See `Member.ends`."""
        told: dict[int, int] = {}
        for located in self._located(self._fetching):
            _, high = self._consumer.get_watermark_offsets(located, cached=True) or (0, -1)
            if high >= 0:
                told[located.partition] = high
        return told

    def topic_id(self) -> str:
        """See `Member.topic_id`."""
        return self._incarnation.topic_id()

    def record(self, positions: Mapping[int, int]) -> None:
        """See `Member.record`."""
        try:
            self._consumer.commit(
                offsets=[
                    TopicPartition(self._topic, partition, offset)
                    for partition, offset in positions.items()
                ],
                asynchronous=True,
            )
        except KafkaException as error:
            log.warning("group offsets not recorded", extra={"kafka_error": error.args[0].str()})

    def close(self) -> None:
        """See `Member.close`."""
        self._consumer.close()

    def _located(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in sorted(partitions)]


def _log_error(error: KafkaError) -> None:
    log.warning("librdkafka reports an error", extra={"kafka_error": error.str()})


def _log_commit(error: KafkaError | None, _: object) -> None:
    if error is not None:
        log.warning("group offsets not recorded", extra={"kafka_error": error.str()})
