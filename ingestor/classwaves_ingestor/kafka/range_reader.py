"""Reads ranges of offsets, independent of consumer groups."""

import logging
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import cast

from confluent_kafka import Consumer, KafkaError, TopicPartition

from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.admin import REQUEST_SECONDS, refused_options
from classwaves_ingestor.kafka.client_log import ClientLog
from classwaves_ingestor.kafka.consumer import consumer_options
from classwaves_ingestor.kafka.interface import Message

log = logging.getLogger(__name__)

_PREFETCH_BYTES = 64 * 1024 * 1024
_BATCH = 5_000
_WAIT_SECONDS = 0.05


class RangeReader:
    """Reads the committed messages of a topic.

    Args:
        options: librdkafka options from the environment.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        # librdkafka requires a group name, but a consumer with manual assignment never joins it.
        configuration = consumer_options(options, "classwaves-ledger", _PREFETCH_BYTES)
        with refused_options():
            self._consumer = Consumer(configuration, logger=ClientLog(log))

    def read(self, topic: str, partition: int, offsets: range) -> Iterator[Message]:
        """The messages at these offsets, ascending. Offsets without a message are skipped.

        Raises:
            BrokerUnavailable: the broker did not deliver them in time.
        """
        if not offsets:
            return
        self._consumer.assign([TopicPartition(topic, partition, offsets.start)])
        deadline = monotonic() + REQUEST_SECONDS
        try:
            while monotonic() < deadline:
                # `consume` waits for a full batch, so the last one takes the whole timeout.
                batch = self._consumer.consume(_BATCH, _WAIT_SECONDS)
                for message in batch:
                    error = message.error()
                    if error is not None and error.code() != KafkaError._PARTITION_EOF:
                        raise BrokerUnavailable(
                            f"Cannot read {topic}[{partition}] from {offsets.start}: {error.str()}."
                        )
                    if error is not None or cast("int", message.offset()) >= offsets.stop:
                        return
                    yield cast("Message", message)
                if batch:
                    deadline = monotonic() + REQUEST_SECONDS
        finally:
            self._consumer.unassign()
        raise BrokerUnavailable(
            f"Cannot read {topic}[{partition}]: no message within {REQUEST_SECONDS:.0f} s."
        )

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()
