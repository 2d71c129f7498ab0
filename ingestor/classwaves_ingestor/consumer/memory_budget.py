"""The division of MEMORY_BUDGET_BYTES among everything that grows with the messages (G4).

    share   part                                              limited by
    2/16    messages that librdkafka has fetched              one fetch response for each broker
    2/16    messages that were polled and are decoded         what was fetched, and the poll's limit
    1/16    sequence numbers                                  consumer.sequences
    1/16    rejects that become dead letters, and their       consumer.committer
            copies in the producer's queue
    rest    rows and rejects, buffered and in flight,         consumer.backpressure
            and twice a full batch for its copies

A commit holds a batch up to three times: as it was built, without repeats, and encoded as Parquet.
"""

from dataclasses import dataclass
from typing import Final, Self

_COPIES: Final = 4
"""A dead letter is a reject, its message with headers, and a record in the producer's queue."""


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """The parts of the budget, in bytes.

    Args:
        prefetch: of fetched messages.
        sequences: of the sequence watch.
        dead_letters: of rejects that are dead-lettered at the same time.
        held: of the buffered batch and the batch in flight, at which intake stops.
    """

    prefetch: int
    sequences: int
    dead_letters: int
    held: int

    @classmethod
    def of(cls, budget: int, batch: int) -> Self:
        """Divide a budget.

        Args:
            budget: bytes of all parts, at least `LEAST_BATCHES` full batches.
            batch: bytes of a full batch.
        """
        sixteenth = budget // 16
        return cls(
            prefetch=2 * sixteenth,
            sequences=sixteenth,
            dead_letters=sixteenth // _COPIES,
            held=budget - 6 * sixteenth - 2 * batch,
        )
