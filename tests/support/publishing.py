"""Publishers for tests: settings without an environment, and the events in their messages."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from classwaves_ingestor.producer import PublisherSettings
from classwaves_ingestor.producer.delivery import DeliveryPolicy

TOPIC = "classwaves.session-events.v1"
EVENT: dict[str, Any] = {"session_id": "s1", "teacher_id": "t1"}
QUICK = DeliveryPolicy(
    batch_events=7,
    linger_seconds=0.0,
    look_around_seconds=0.05,
    retry_seconds=0.01,
    retry_limit_seconds=0.05,
)


def settings(folder: Path, **others: Any) -> PublisherSettings:
    """Settings with an unreachable broker; `others` are further fields."""
    return PublisherSettings(
        **({"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "spool_folder": folder} | others)
    )


def decode(messages: Iterable[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """The events of (key, value) messages."""
    return [json.loads(value) for _, value in messages]


def sequences_by_source(events: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[int]]:
    """The sequences of each (session, source) in the order of their first arrival."""
    found: dict[tuple[str, str], dict[int, None]] = defaultdict(dict)
    for event in events:
        found[event["session_id"], event["source"]].setdefault(event["sequence"])
    return {name: list(numbers) for name, numbers in found.items()}
