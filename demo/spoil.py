"""One way to spoil a good message for each reason that the contract has to refuse one."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from classwaves_schemas.envelope import MAX_DEPTH, SCHEMA_VERSION
from classwaves_schemas.verdict import Reason

Message = Mapping[str, Any]
Spoiler = Callable[[Message], bytes | None]


def _text(message: Message) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def _with(**changes: object) -> Spoiler:
    return lambda message: _text({**message, **changes})


def _nested(message: Message) -> bytes:
    deep: object = None
    for _ in range(MAX_DEPTH):
        deep = [deep]
    return _text({**message, "payload": {**message["payload"], "trail": deep}})


def _cut_off(message: Message) -> bytes:
    text = _text(message)
    return text[: len(text) // 2]


SPOILERS: Mapping[Reason, Spoiler] = MappingProxyType(
    {
        Reason.TOMBSTONE: lambda _: None,
        Reason.EMPTY_VALUE: lambda _: b"",
        Reason.TOO_DEEP: _nested,
        Reason.NOT_JSON: _cut_off,
        Reason.NOT_AN_OBJECT: lambda message: b"[" + _text(message) + b"]",
        Reason.NEWER_SCHEMA_VERSION: _with(schema_version=SCHEMA_VERSION + 1),
        Reason.UNKNOWN_EVENT_TYPE: _with(event_type="session_paused"),
        Reason.MISSING_FIELD: lambda message: _text(
            {key: message[key] for key in message if key != "teacher_id"}
        ),
        Reason.EMPTY_FIELD: _with(teacher_id=""),
        Reason.WRONG_TYPE: _with(teacher_id=42),
        Reason.INVALID_VALUE: _with(event_time="last Monday"),
        Reason.NAIVE_TIME: lambda message: _text(
            {**message, "event_time": message["event_time"].removesuffix("Z")}
        ),
        Reason.TOO_OLD: _with(event_time="1970-01-01T00:00:00.000Z"),
        Reason.TOO_FAR_AHEAD: _with(event_time="2999-01-01T00:00:00.000Z"),
        Reason.REPEATED_FIELD: lambda message: b'{"teacher_id":42,' + _text(message)[1:],
    }
)
