"""Dead letters in a Kafka topic."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivered

from classwaves_ingestor.dead_letters.letter import Letter, stub
from classwaves_ingestor.errors import BrokerUnavailable, DeadLetterTopicTooSmall

log = logging.getLogger(__name__)

_TOO_LARGE = KafkaError.MSG_SIZE_TOO_LARGE


class KafkaDeadLetters:
    """See `DeadLetters`.

    Args:
        options: librdkafka's, from the environment.
        topic: the dead-letter topic.
        limit: its max.message.bytes.
        seconds: how long one write may wait for acknowledgements.
    """

    def __init__(
        self, options: Mapping[str, str], topic: str, limit: int, seconds: float = 30.0
    ) -> None:
        self._topic = topic
        self._seconds = seconds
        self._producer = Producer(
            {
                "client.id": "classwaves-ingestor-dead-letters",
                **options,
                "acks": "all",
                "enable.idempotence": True,
                "message.max.bytes": limit,
                "delivery.timeout.ms": int(seconds * 1000),
            },
            logger=log,
        )

    def write(self, letters: Sequence[Letter]) -> None:
        """See `DeadLetters.write`."""
        too_large = self._deliver(letters)
        if too_large and self._deliver([stub(each) for each in too_large]):
            raise DeadLetterTopicTooSmall(
                f"{self._topic} does not even take a stub: raise its max.message.bytes."
            )

    def _deliver(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Deliver letters and return those that are too large for the topic."""
        too_large: list[Letter] = []
        failures: list[KafkaError] = []
        outstanding = 0

        def settled(each: Letter, error: KafkaError | None, _: Delivered) -> None:
            nonlocal outstanding
            outstanding -= 1
            if error is not None and error.code() == _TOO_LARGE:
                too_large.append(each)
            elif error is not None:
                failures.append(error)

        for each in letters:
            try:
                self._produce(each, partial(settled, each))
                outstanding += 1
            except KafkaException as refusal:
                if refusal.args[0].code() != _TOO_LARGE:
                    raise BrokerUnavailable(
                        f"No dead letter to {self._topic}: {refusal.args[0].str()}"
                    ) from refusal
                too_large.append(each)
        self._producer.flush(self._seconds)
        if failures or outstanding:
            why = (
                failures[0].str()
                if failures
                else f"{outstanding} not acknowledged within {self._seconds:.0f} s"
            )
            raise BrokerUnavailable(f"Dead letters to {self._topic} not acknowledged: {why}.")
        return too_large

    def _produce(self, each: Letter, settled: partial[None]) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value=each.value,
                    key=each.key,
                    headers=list(each.headers),
                    on_delivery=settled,
                )
            except BufferError:
                self._producer.poll(0.1)  # the local queue is full: let deliveries make room
            else:
                return
