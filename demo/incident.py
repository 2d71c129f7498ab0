"""When which consumer is killed, and when it comes back."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Incident:
    """A consumer is killed without warning, and started again.

    Arguments:
        consumer: which one, from 0.
        killed: seconds after the day's begin.
        back: seconds after the day's begin, later than `killed`.
    """

    consumer: int
    killed: float
    back: float


def half_way(seconds: float) -> list[Incident]:
    """The second of two consumers dies half way through, and is away for a tenth of the day."""
    return [Incident(consumer=1, killed=seconds * 0.5, back=seconds * 0.6)]


def at_random(rng: Random, seconds: float, consumers: int, every: float) -> Iterator[Incident]:
    """Incidents one after the other, each of a consumer that is up, about `every` seconds; the last ends in time."""
    now = 0.0
    while True:
        killed = now + rng.expovariate(1 / every)
        now = killed + rng.uniform(0.5, 5.0)
        if now >= seconds:
            return
        yield Incident(rng.randrange(consumers), killed, now)
