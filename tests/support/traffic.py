"""Producers of one topic that record the coordinates of each acknowledged message."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from confluent_kafka import KafkaError, Message, Producer

from classwaves_ingestor.kafka.interface import Headers
from tests.support.engine import Row
from tests.support.mixture import Identity, Outgoing

Coordinates = tuple[int, int]
"""(partition, offset)."""

_FLUSH_SECONDS = 120.0


class Sent:
    """Acknowledged messages: coordinates of each valid event, and of each refused message."""

    def __init__(self) -> None:
        self.events: dict[Identity, set[Coordinates]] = defaultdict(set)
        self.refused: set[Coordinates] = set()
        self.failures: list[str] = []

    @property
    def messages(self) -> int:
        """The number of messages in the topic."""
        return sum(map(len, self.events.values())) + len(self.refused)

    def contains(self, row: Row) -> bool:
        """Whether the row's event was sent to the row's coordinates."""
        return (row.partition, row.offset) in self.events.get((row.session_id, row.id), ())

    def on_delivery(self, outgoing: Outgoing, error: KafkaError | None, message: Message) -> None:
        """Record the delivery report of a message."""
        coordinates = (message.partition(), message.offset())
        if error is not None:
            self.failures.append(error.str())
        elif outgoing.identity is None:
            self.refused.add(coordinates)
        else:
            self.events[outgoing.identity].add(coordinates)


class Traffic:
    """A producer.

    Args:
        bootstrap_servers: address of the broker.
        topic: topic name.
        sent: records the messages; several producers may share it.
        partitioner: librdkafka's name: murmur2_random (as in Java and Node) or consistent_random
            (CRC32).
        headers: of each message.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        sent: Sent,
        partitioner: str = "murmur2_random",
        headers: Headers = (),
    ) -> None:
        self._topic = topic
        self._sent = sent
        self._headers = list(headers)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "partitioner": partitioner,
                "enable.idempotence": True,
                "linger.ms": 5,
                "topic.metadata.refresh.interval.ms": 1000,
            }
        )

    def send(self, messages: Iterable[Outgoing], partition: int | None = None) -> None:
        """Send messages, and return once the broker has acknowledged all of them."""
        for outgoing in messages:
            self._produce(outgoing, partition)
        self._flush()

    @contextmanager
    def flowing(self, messages: Iterator[Outgoing], per_second: float) -> Iterator[None]:
        """Send at this rate while the block runs; all messages are acknowledged at its end."""
        ended = threading.Event()

        def flow() -> None:
            while not ended.wait(0.05):
                for outgoing in islice(messages, max(1, round(per_second * 0.05))):
                    self._produce(outgoing, None)

        thread = threading.Thread(target=flow, name="traffic")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        self._flush()

    def _produce(self, outgoing: Outgoing, partition: int | None) -> None:
        chosen = {} if partition is None else {"partition": partition}
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    outgoing.value,
                    outgoing.key,
                    headers=self._headers,
                    on_delivery=lambda error, message: self._sent.on_delivery(
                        outgoing, error, message
                    ),
                    **chosen,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def _flush(self) -> None:
        assert self._producer.flush(_FLUSH_SECONDS) == 0, (
            "the broker did not acknowledge all messages"
        )
        assert self._sent.failures == []
