"""A topic that is deleted and created again is another topic, whatever its name."""

from collections.abc import Set

from classwaves_warehouse.errors import TopicRecreated
from classwaves_warehouse.stream import Stream


def check_incarnation(stream: Stream, accepted: Set[str]) -> None:
    """Let a stream pass if positions were kept for its topic id before, or for none of its topic's ids.

    Raises:
        TopicRecreated: positions were kept for other ids only.
    """
    if accepted and stream.topic_id not in accepted:
        raise TopicRecreated(
            f"Topic {stream.topic} has id {stream.topic_id}, but group {stream.group} has positions for id "
            f"{', '.join(sorted(accepted))}: it was deleted and created again. Those positions mean nothing in the "
            "new topic. Run `ingestor topics accept` to read the new topic from its start."
        )
