"""Fills a topic with messages: `python -m bench.fill TOPIC COUNT`."""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from confluent_kafka import Producer

from bench.command import run_benchmark
from classwaves_runtime.settings import kafka_options
from classwaves_runtime.timestamps import format_timestamp

EVENTS_PER_SESSION = 100


class Kind(StrEnum):
    """What to send."""

    SMALL = "small"  # valid events of about 390 bytes
    LARGE = "large"  # valid events of about 930 bytes
    HALF_BAD = "half-bad"  # as many valid events as refused messages, of about 930 bytes each


_BEGINS = datetime(2025, 9, 15, 8, tzinfo=UTC)
_LASTS = timedelta(hours=7)
_TEACHER = "b0a5e7b1-4c1c-4d39-9f0e-{:012x}"
_SESSION = "3d9f1c52-5d0e-4d7e-a2f7-{:012x}"
_VALUE = (
    '{{"id":"{session}_member_leave_{number:013d}_k3j9x0q2a","event_type":"member_leave","event_time":"{time}",'
    '"session_id":"{session}","teacher_id":"{teacher}","source":"sessions_namespace@ws-1","sequence":{sequence},'
    '"payload":{{"groupId":"a6a7c9a4-2f0e-4a0f-9c55-3e5c1d9b7e44","reason":"transport close"}}}}'
)
_LARGE = f',"school_id":"{"s" * 256}","trace_id":"{"t" * 256}"}}'.encode()
"""The end of a large event: the longest optional fields of the envelope."""
_REFUSED = b',"schema_version":"' + b"x" * 520 + b'"}'


def events(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of distinct valid events of about 390 bytes, 100 for each session."""
    sessions = max(1, count // EVENTS_PER_SESSION)
    for number in range(count):
        session = _SESSION.format(number % sessions)
        at = _BEGINS + _LASTS * (number / count)
        value = _VALUE.format(
            session=session,
            number=number,
            time=format_timestamp(at),
            teacher=_TEACHER.format(number % sessions // 5),
            sequence=number // sessions + 1,
        )
        yield session.encode(), value.encode()


def large(count: int, *, half_bad: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of distinct messages of about 930 bytes, all or half of them valid."""
    for number, (key, value) in enumerate(events(count)):
        yield key, value[:-1] + (_REFUSED if half_bad and number % 2 else _LARGE)


def fill(producer: Producer, topic: str, messages: Iterable[tuple[bytes, bytes]]) -> int:
    """Send messages; return how many of them the broker did not acknowledge."""
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    return producer.flush(120)


def main(
    topic: Annotated[str, typer.Argument(help="Existing topic to fill.")],
    count: Annotated[int, typer.Argument(help="Messages to send.", min=1)],
    kind: Annotated[Kind, typer.Option(help="What to send.")] = Kind.SMALL,
) -> None:
    """Send messages to a topic as fast as one process can."""
    tuning = {
        "linger.ms": 50,
        "batch.size": 1_000_000,
        "queue.buffering.max.messages": 500_000,
        "acks": "all",
    }
    producer = Producer({**tuning, "partitioner": "murmur2_random", **kafka_options(os.environ)})
    messages = events(count) if kind is Kind.SMALL else large(count, half_bad=kind is Kind.HALF_BAD)
    if fill(producer, topic, messages):
        raise typer.Exit(1)


if __name__ == "__main__":
    run_benchmark(main)
