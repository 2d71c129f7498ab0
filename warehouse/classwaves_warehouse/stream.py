"""Whose positions these are: one consumer group reading one incarnation of one topic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stream:
    """The key of a ledger.

    Args:
        group: the consumer group.
        topic: the topic's name, for people.
        topic_id: the id that the broker gave the topic when it was created. A topic that is deleted and
            created again has another one, so that old positions are never taken for its own.
    """

    group: str
    topic: str
    topic_id: str
