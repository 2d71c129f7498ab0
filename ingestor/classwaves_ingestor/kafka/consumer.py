"""A member of a real Kafka consumer group, on librdkafka."""

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable, TopicMissing
from classwaves_ingestor.kafka.admin import explain_refusal, refused_options
from classwaves_ingestor.kafka.client_log import ClientLog
from classwaves_ingestor.kafka.interface import (
    Connection,
    FetchPosition,
    Message,
    PollResult,
    RebalanceListener,
    Watermarks,
    fatal_error,
)
from classwaves_ingestor.kafka.topics import TopicReader
from classwaves_runtime.errors import SettingsError

log = logging.getLogger(__name__)

_CONNECTION_ERRORS = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
}
_OFFSET_ERRORS = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}
_CORRUPT_ERRORS = {
    KafkaError._BAD_MSG,
    KafkaError._BAD_COMPRESSION,
    KafkaError._UNDERFLOW,
    KafkaError._NOT_IMPLEMENTED,  # an unknown format
    KafkaError.INVALID_MSG,
}

_REQUIRED: Mapping[str, str | bool] = {
    # Positions live in the table; the group's offsets are written for lag tools and never read.
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # A missing offset is an error that stops the partition, never a silent jump.
    "auto.offset.reset": "error",
    # Partition EOF moves the position past transaction markers.
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    # A corrupt batch is an error that stops the partition, never rows with other content.
    "check.crcs": True,
    "partition.assignment.strategy": "cooperative-sticky",
}
"""The guarantees depend on these options; the environment cannot change them."""

_RESPONSES = 4
_MESSAGE_MAX_BYTES = 1_000_000  # of librdkafka, which refuses a smaller fetch.max.bytes
_FETCH_MESSAGE_MAX_BYTES = 1024 * 1024

_CLASSIC_ONLY = frozenset(
    {"partition.assignment.strategy", "session.timeout.ms", "heartbeat.interval.ms"}
)
"""Options that librdkafka refuses under `group.protocol=consumer` (KIP-848): brokers decide."""

_REFUSED = frozenset(
    {
        "group.id",  # INGESTOR_GROUP owns the positions in the table
        "transactional.id",  # outside a transaction no dead letter can be written
    }
)


def consumer_options(
    options: Mapping[str, str], group: str, prefetch_bytes: int
) -> dict[str, str | int | bool]:
    """Librdkafka's configuration of a group member.

    Args:
        options: from the environment (KAFKA_X_Y as x.y); they override the defaults.
        group: consumer group.
        prefetch_bytes: bytes that librdkafka may fetch ahead of `poll`, over all partitions: from
            four brokers at the same time, or from one that sends them compressed to a quarter. Each
            response has at least one record batch of each partition, however large.

    Raises:
        SettingsError: an option would break a guarantee.
    """
    for name in options.keys() & (_REQUIRED.keys() | _REFUSED):
        variable = "KAFKA_" + name.upper().replace(".", "_")
        raise SettingsError(
            f"{variable} cannot be set: the guarantees depend on the ingestor's value. Remove it."
        )
    response = max(prefetch_bytes // _RESPONSES, 1)
    defaults: dict[str, str | int | bool] = {
        # librdkafka counts the bytes of values only, not of keys and headers. So it fetches when it
        # holds no message, and the size of one response is the limit.
        "queued.min.messages": 1,
        "queued.max.messages.kbytes": max(prefetch_bytes // 1024, 1),
        "fetch.max.bytes": max(response, _largest_message(options)),
        "fetch.message.max.bytes": min(response, _FETCH_MESSAGE_MAX_BYTES),
        "fetch.queue.backoff.ms": 5,
        "fetch.wait.max.ms": 100,
        # The partitions of a killed consumer go on within ten seconds: brokers notice its end after
        # six, their own minimum, and the others learn of it by their next heartbeat.
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 1_000,
        "topic.metadata.refresh.interval.ms": 30_000,  # the delay until added partitions are found
        # The metadata omit a frozen broker. Without any broker for this long, the client connects
        # to the bootstrap servers again.
        "metadata.recovery.rebootstrap.trigger.ms": 10_000,
        "client.id": "classwaves-ingestor",
        "statistics.interval.ms": 1_000,  # tells when a broker last answered
    }
    is_new = options.get("group.protocol") == "consumer"
    given = {**defaults, **options, **_REQUIRED, "group.id": group}
    if is_new:
        # An option from the environment stays, and librdkafka refuses it by its name.
        given = {
            name: each for name, each in given.items() if name not in _CLASSIC_ONLY - options.keys()
        }
    return given


class KafkaGroupConsumer:
    """A group member that fetches a partition only once its position is known.

    A rebalance is acknowledged with an empty assignment. `start` then assigns the partition with
    an explicit offset. No offset of the group is ever used, and a warehouse that needs minutes to
    return a position delays neither the rebalance nor the heartbeat.

    Args:
        options: as `consumer_options` returns them.
        topic: name of the topic.
        reader: reads id and watermarks of the same topic.
    """

    def __init__(
        self, options: Mapping[str, str | int | bool], topic: str, reader: TopicReader
    ) -> None:
        self._topic = topic
        self._reader = reader
        self._fetching: set[int] = set()
        self._unvalidated: dict[int, FetchPosition] = {}
        self._paused = False
        self._fatal: str | None = None
        self._answered_at = monotonic()
        self._connection_errors = 0
        self._last_connection_error = ""
        configuration: dict[str, object] = {
            **options,
            "error_cb": self._on_error,
            "stats_cb": self._on_statistics,
            "on_commit": _log_commit,
        }
        with refused_options():
            self._consumer = Consumer(configuration, logger=ClientLog(log))

    def subscribe(self, listener: RebalanceListener) -> None:
        """See `GroupConsumer.subscribe`."""

        def on_assigned(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            consumer.incremental_assign([])
            listener.on_assigned([each.partition for each in partitions])

        def removed(partitions: list[TopicPartition]) -> list[int]:
            revoked = {each.partition for each in partitions}
            self._unassign(revoked & self._fetching)
            return sorted(revoked)

        def on_revoked(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.on_revoked(removed(partitions))

        def on_lost(_: Consumer, partitions: list[TopicPartition]) -> None:
            listener.on_lost(removed(partitions))

        self._consumer.subscribe(
            [self._topic], on_assign=on_assigned, on_revoke=on_revoked, on_lost=on_lost
        )

    def poll(self, limit: int, timeout: float) -> PollResult:
        """See `GroupConsumer.poll`."""
        messages: list[Message] = []
        eof_offsets: dict[int, int] = {}
        offset_errors: dict[int, str] = {}
        corrupt_batches: dict[int, str] = {}
        self._validate()
        for message in self._consumer.consume(limit, timeout):
            error, partition, offset = message.error(), message.partition(), message.offset()
            if partition in self._unvalidated:
                continue  # the seek fetches it again
            if error is None:
                messages.append(cast("Message", message))
            elif (
                error.code() == KafkaError._PARTITION_EOF
                and partition is not None
                and offset is not None
            ):
                eof_offsets[partition] = offset
            elif error.code() in _OFFSET_ERRORS and partition is not None:
                offset_errors[partition] = error.str()
            elif error.code() in _CORRUPT_ERRORS and partition is not None:
                corrupt_batches[partition] = error.str()
            elif _is_fatal(error):
                self._fatal = error.str()
            else:
                log.warning("Error from the broker", extra={"kafka_error": error.str()})
        # Messages that came with the error are dropped: whoever owns the partition reads them.
        if self._fatal is not None:
            raise fatal_error(self._fatal)
        return PollResult(messages, eof_offsets, offset_errors, corrupt_batches)

    def start(self, positions: Mapping[int, FetchPosition]) -> None:
        """See `GroupConsumer.start`."""
        self.stop([each for each in positions if each in self._fetching])
        self._consumer.incremental_assign(
            [
                TopicPartition(self._topic, partition, each.offset)
                for partition, each in positions.items()
            ]
        )
        self._fetching |= positions.keys()
        self._unvalidated |= {
            partition: each
            for partition, each in positions.items()
            if each.leader_epoch is not None
        }
        self._validate()
        if self._paused:
            self.pause()

    def stop(self, partitions: Sequence[int]) -> None:
        """See `GroupConsumer.stop`."""
        fetching = self._fetching.intersection(partitions)
        if fetching:
            self._unassign(fetching)

    def pause(self) -> None:
        """See `GroupConsumer.pause`."""
        self._paused = True
        self._consumer.pause(self._partitions(self._fetching))

    def resume(self) -> None:
        """See `GroupConsumer.resume`."""
        self._paused = False
        self._consumer.resume(self._partitions(self._fetching))

    def watermarks(self, partitions: Collection[int]) -> Mapping[int, Watermarks]:
        """See `GroupConsumer.watermarks`."""
        # Not from this client: it reads committed messages only, and so returns the last stable
        # offset, the first one of an open transaction, as the high watermark.
        try:
            return self._reader.watermarks(partitions)
        except (TopicMissing, BrokerRefused) as error:
            raise BrokerUnavailable(str(error)) from error

    def connection(self) -> Connection:
        """See `GroupConsumer.connection`."""
        return Connection(
            monotonic() - self._answered_at, self._connection_errors, self._last_connection_error
        )

    def end_offsets(self) -> Mapping[int, int]:
        """See `GroupConsumer.end_offsets`."""
        ends: dict[int, int] = {}
        for each in self._partitions(self._fetching):
            _, high = self._consumer.get_watermark_offsets(each, cached=True) or (0, -1)
            if high >= 0:
                ends[each.partition] = high
        return ends

    def topic_id(self) -> str:
        """See `GroupConsumer.topic_id`."""
        return self._reader.topic_id()

    def commit_offsets(self, positions: Mapping[int, int]) -> None:
        """See `GroupConsumer.commit_offsets`."""
        try:
            self._consumer.commit(
                offsets=[
                    TopicPartition(self._topic, partition, offset)
                    for partition, offset in positions.items()
                ],
                asynchronous=True,
            )
        except KafkaException as error:
            log.warning(
                "Group offsets were not committed", extra={"kafka_error": error.args[0].str()}
            )

    def close(self) -> None:
        """See `GroupConsumer.close`."""
        self._consumer.close()

    def _unassign(self, partitions: set[int]) -> None:
        self._consumer.incremental_unassign(self._partitions(partitions))
        self._fetching -= partitions
        for partition in partitions:
            self._unvalidated.pop(partition, None)

    def _validate(self) -> None:
        """Have the broker compare the leader epochs of start positions with its log.

        The assignment of a group member loses the leader epoch (librdkafka 2.16), a seek keeps it.
        """
        for partition, position in list(self._unvalidated.items()):
            target = TopicPartition(
                self._topic, partition, position.offset, leader_epoch=position.leader_epoch
            )
            with suppress(KafkaException):  # fetching has not started yet: at the next poll
                self._consumer.seek(target)
                del self._unvalidated[partition]

    def _on_error(self, error: KafkaError) -> None:
        if _is_fatal(error):
            self._fatal = error.str()
        elif (refusal := explain_refusal(error)) is not None:
            self._connection_errors += 1
            self._last_connection_error = refusal
        elif error.code() in _CONNECTION_ERRORS:
            self._connection_errors += 1
            if error.code() != KafkaError._ALL_BROKERS_DOWN:  # which does not say why
                self._last_connection_error = f"The last error: {error.str()}."
        else:
            log.warning("Error from librdkafka", extra={"kafka_error": error.str()})

    def _on_statistics(self, statistics: str) -> None:
        """Note when a broker last sent anything; the consumer always waits for some answer."""
        brokers = json.loads(statistics)["brokers"].values()
        idle_us = [
            each["rxidle"] for each in brokers if each["state"] == "UP" and each["rxidle"] >= 0
        ]
        if idle_us:
            self._answered_at = max(self._answered_at, monotonic() - min(idle_us) / 1e6)

    def _partitions(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in sorted(partitions)]


def _largest_message(options: Mapping[str, str]) -> int:
    given = options.get("message.max.bytes", "")
    return int(given) if given.isdecimal() else _MESSAGE_MAX_BYTES


def _is_fatal(error: KafkaError) -> bool:
    return error.fatal() or error.code() == KafkaError._FATAL


def _log_commit(error: KafkaError | None, _: object) -> None:
    if error is not None:
        log.warning("Group offsets were not committed", extra={"kafka_error": error.str()})
