"""Reading stretches of a topic, beside all consumer groups."""

from collections.abc import Iterator, Mapping
from time import monotonic
from typing import cast

from confluent_kafka import Consumer, KafkaError, TopicPartition

from classwaves_ingestor.broker.interface import Message
from classwaves_ingestor.broker.kafka import consumer_options
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.topics.admin import SECONDS

_PREFETCH_BYTES = 64 * 1024 * 1024
_BATCH = 5_000
_WAIT = 0.05


class Reader:
    """Reads what a topic shows to whoever reads committed messages only.

    Args:
        options: librdkafka's, from the environment.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        # librdkafka wants the name of a group, though one that assigns its partitions itself never joins it.
        self._consumer = Consumer(consumer_options(options, "classwaves-ledger", _PREFETCH_BYTES))

    def read(self, topic: str, partition: int, offsets: range) -> Iterator[Message]:
        """The messages at these offsets, ascending; offsets without one are left out.

        Raises:
            BrokerUnavailable: the broker did not give them.
        """
        if not offsets:
            return
        self._consumer.assign([TopicPartition(topic, partition, offsets.start)])
        deadline = monotonic() + SECONDS
        try:
            while monotonic() < deadline:
                # `consume` waits for the whole batch, so the timeout is what the last, short one costs.
                batch = self._consumer.consume(_BATCH, _WAIT)
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
                    deadline = monotonic() + SECONDS
        finally:
            self._consumer.unassign()
        raise BrokerUnavailable(
            f"Cannot read {topic}[{partition}]: nothing came within {SECONDS:.0f} s."
        )

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
