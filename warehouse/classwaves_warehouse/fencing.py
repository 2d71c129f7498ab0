"""Checks that every ledger makes before a commit: expected positions, and the topic id."""

from collections.abc import Mapping, Set

from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import TopicRecreated
from classwaves_warehouse.interface import Fenced, Positions, Stored, Stream


def compare_positions(
    actual: Positions, expected: Positions, progress: Mapping[int, Progress]
) -> Stored | Fenced | None:
    """What the stored positions say about an append.

    A commit that leaves every position unchanged finds its expected positions both before and after
    it landed, so positions alone never show that it landed.

    Returns:
        None if the append can be committed, `Stored` if it landed earlier, `Fenced` if another
        owner changed a position.
    """
    stored = {partition: actual.get(partition) for partition in progress}
    unexpected = {
        partition: position
        for partition, position in stored.items()
        if position != expected.get(partition)
    }
    if not unexpected:
        return None
    if all(position == progress[partition].position for partition, position in stored.items()):
        return Stored(rows=0)
    return Fenced(unexpected)


def check_topic_id(stream: Stream, accepted: Set[str]) -> None:
    """Refuse a stream if positions are stored only for other ids of its topic.

    Args:
        stream: the group and topic to read.
        accepted: topic ids that have positions; may be empty.

    Raises:
        TopicRecreated: positions are stored, but none for this topic id.
    """
    if accepted and stream.topic_id not in accepted:
        raise TopicRecreated(
            f"Topic {stream.topic} has id {stream.topic_id}, but group {stream.group} has "
            f"positions for id {', '.join(sorted(accepted))}: the topic was deleted and created "
            "again. The positions are not valid in the new topic. Run `ingestor topics accept` to "
            "read the new topic from its start."
        )
