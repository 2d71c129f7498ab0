"""What is killed, when, and when it comes back."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Victim(StrEnum):
    """What can be killed while the demo runs."""

    CONSUMER = "consumer"
    PRODUCER = "producer"
    BROKER = "broker"


AWAY_SECONDS = {Victim.CONSUMER: 4.0, Victim.PRODUCER: 2.0, Victim.BROKER: 4.0}
"""For how long a victim is left dead by one who presses a key."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something is killed without warning, and started again.

    Args:
        killed: seconds after the day's begin.
        victim: what.
        back: seconds after the day's begin, later than `killed`.
    """

    killed: float
    victim: Victim
    back: float


def scripted(seconds: float) -> list[Incident]:
    """A consumer dies, then the broker, and while that is away a producer whose spool is all that holds its events."""
    return [
        Incident(seconds * 0.15, Victim.CONSUMER, seconds * 0.25),
        Incident(seconds * 0.3, Victim.BROKER, seconds * 0.36),
        Incident(seconds * 0.34, Victim.PRODUCER, seconds * 0.42),
    ]


def at_random(rng: Random, seconds: float, every: float) -> Iterator[Incident]:
    """Consumers die one after the other, about every so many seconds; the last is back in time."""
    now = 0.0
    while True:
        killed = now + rng.expovariate(1 / every)
        now = killed + rng.uniform(0.5, 5.0)
        if now >= seconds:
            return
        yield Incident(killed, Victim.CONSUMER, now)
