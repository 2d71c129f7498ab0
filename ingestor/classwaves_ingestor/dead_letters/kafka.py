"""Writing dead letters to a Kafka topic."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivered

from classwaves_ingestor.dead_letters.dead_letter import DeadLetter, stub
from classwaves_ingestor.errors import BrokerUnavailable, DeadLetterTopicTooSmall
from classwaves_ingestor.kafka.admin import refused_options
from classwaves_ingestor.kafka.client_log import ClientLog

log = logging.getLogger(__name__)

_TOO_LARGE = KafkaError.MSG_SIZE_TOO_LARGE


class KafkaDeadLetterWriter:
    """The `DeadLetterWriter` of a Kafka topic.

    Args:
        options: librdkafka options from the environment.
        topic: name of the dead-letter topic.
        max_bytes: max.message.bytes of that topic.
        seconds: timeout for the acknowledgements of one write.
    """

    def __init__(
        self, options: Mapping[str, str], topic: str, max_bytes: int, seconds: float = 30.0
    ) -> None:
        self._topic = topic
        self._seconds = seconds
        with refused_options():
            self._producer = Producer(
                {
                    "client.id": "classwaves-ingestor-dead-letters",
                    **options,
                    "acks": "all",
                    "enable.idempotence": True,
                    "message.max.bytes": max_bytes,
                    "delivery.timeout.ms": int(seconds * 1000),
                },
                logger=ClientLog(log),
            )

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        """See `DeadLetterWriter.write`."""
        too_large = self._deliver(dead_letters)
        if too_large and self._deliver([stub(each) for each in too_large]):
            raise DeadLetterTopicTooSmall(
                f"Topic {self._topic} refuses even a stub: raise its max.message.bytes."
            )

    def _deliver(self, dead_letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
        """Deliver dead letters; return those that are too large for the topic."""
        too_large: list[DeadLetter] = []
        failures: list[KafkaError] = []
        outstanding = 0

        def on_delivery(each: DeadLetter, error: KafkaError | None, _: Delivered) -> None:
            nonlocal outstanding
            outstanding -= 1
            if error is not None and error.code() == _TOO_LARGE:
                too_large.append(each)
            elif error is not None:
                failures.append(error)

        for each in dead_letters:
            try:
                self._produce(each, partial(on_delivery, each))
                outstanding += 1
            except KafkaException as refusal:
                if refusal.args[0].code() != _TOO_LARGE:
                    raise BrokerUnavailable(
                        f"Cannot write a dead letter to {self._topic}: {refusal.args[0].str()}"
                    ) from refusal
                too_large.append(each)
        self._producer.flush(self._seconds)
        if failures or outstanding:
            why = (
                failures[0].str()
                if failures
                else f"{outstanding} without acknowledgement after {self._seconds:.0f} s"
            )
            raise BrokerUnavailable(f"Dead letters to {self._topic} were not acknowledged: {why}.")
        return too_large

    def _produce(self, each: DeadLetter, on_delivery: partial[None]) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value=each.value,
                    key=each.key,
                    headers=list(each.headers),
                    on_delivery=on_delivery,
                )
            except BufferError:
                self._producer.poll(0.1)  # the local queue is full: wait for deliveries
            else:
                return
