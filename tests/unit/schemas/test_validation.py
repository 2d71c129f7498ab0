import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_schemas.validation import Reason, explain
from tests.support.payloads import EMITTED
from tests.unit.schemas.messages import Node, message, messages

NOW = datetime(2025, 9, 16, tzinfo=UTC)


def whole(*, without=(), payload=None, **changes):
    fields = message("ended", {} if payload is None else payload, **changes)
    return json.dumps({key: value for key, value in fields.items() if key not in without}).encode()


REJECTED = {
    "no value": (None, Reason.TOMBSTONE, "tombstone"),
    "no bytes": (b"", Reason.EMPTY_VALUE, "empty"),
    "white space": (b" \n", Reason.EMPTY_VALUE, "empty"),
    "a truncated document": (whole()[:-1], Reason.NOT_JSON, "JSON"),
    "two documents": (whole() * 2, Reason.NOT_JSON, "JSON"),
    "a byte order mark": (b"\xef\xbb\xbf" + whole(), Reason.NOT_JSON, "JSON"),
    "bytes that are not UTF-8": (whole()[:-1] + b',"x":"\xff"}', Reason.NOT_JSON, "UTF-8"),
    "half a surrogate pair": (whole()[:-1] + rb',"x":"\ud800"}', Reason.NOT_JSON, "JSON"),
    "not a number": (whole(sequence=float("nan")), Reason.NOT_JSON, "JSON"),
    "a list": (b"[]", Reason.NOT_AN_OBJECT, "object"),
    "null": (b"null", Reason.NOT_AN_OBJECT, "object"),
    "33 levels": (whole()[:-1] + b',"x":' + b"[" * 32 + b"]" * 32 + b"}", Reason.TOO_DEEP, "32"),
    "100,000 levels": (b'{"a":' * 100_000, Reason.TOO_DEEP, "32"),
    "a number beyond float64": (whole()[:-1] + b',"x":1e400}', Reason.INVALID_VALUE, "number"),
    "no id": (whole(without=["id"]), Reason.MISSING_FIELD, "id: "),
    "no type": (whole(without=["event_type"]), Reason.MISSING_FIELD, "event_type: "),
    "no time": (whole(without=["event_time"]), Reason.MISSING_FIELD, "event_time: "),
    "no session": (whole(without=["session_id"]), Reason.MISSING_FIELD, "session_id: "),
    "no teacher": (whole(without=["teacher_id"]), Reason.MISSING_FIELD, "teacher_id: "),
    "no payload": (whole(without=["payload"]), Reason.MISSING_FIELD, "payload: "),
    "a null session": (whole(session_id=None), Reason.MISSING_FIELD, "session_id: "),
    "an empty session": (whole(session_id=""), Reason.EMPTY_FIELD, "session_id: "),
    "an empty type": (whole(event_type=""), Reason.EMPTY_FIELD, "event_type: "),
    "an empty time": (whole(event_time=""), Reason.EMPTY_FIELD, "event_time: "),
    "an empty code": (whole(payload={"source": ""}), Reason.EMPTY_FIELD, "payload.source: "),
    "a type that is a number": (whole(event_type=3), Reason.WRONG_TYPE, "event_type: "),
    "a time that is a number": (whole(event_time=1757944682), Reason.WRONG_TYPE, "event_time: "),
    "a null version": (whole(schema_version=None), Reason.WRONG_TYPE, "schema_version: "),
    "a payload in a string": (
        whole(event_type="started", payload="{}"),
        Reason.WRONG_TYPE,
        "payload: Input should be an object",
    ),
    "a count with a fraction": (
        whole(payload={"duration_seconds": 1.0}),
        Reason.WRONG_TYPE,
        "payload.duration_seconds: ",
    ),
    "a boolean for a count": (
        whole(payload={"duration_seconds": True}),
        Reason.WRONG_TYPE,
        "payload.duration_seconds: ",
    ),
    "a reason that is a number": (
        whole(payload={"reason": 3}),
        Reason.WRONG_TYPE,
        "payload.reason: ",
    ),
    "a null member": (
        whole(event_type="configured", payload={"groupPlan": {"groups": [{"memberIds": [None]}]}}),
        Reason.WRONG_TYPE,
        "payload.groupPlan.groups[].memberIds[]: ",
    ),
    "an unknown reason": (
        whole(payload={"reason": "bored"}),
        Reason.INVALID_VALUE,
        "planned_completion",
    ),
    "free text": (
        whole(payload={"source": "O'Neil was late"}),
        Reason.INVALID_VALUE,
        "payload.source: ",
    ),
    "a control character": (whole(id="a\n"), Reason.INVALID_VALUE, "id: "),
    "too long": (whole(teacher_id="t" * 257), Reason.INVALID_VALUE, "teacher_id: "),
    "sequence 0": (whole(sequence=0), Reason.INVALID_VALUE, "sequence: "),
    "sequence past int64": (whole(sequence=2**63), Reason.INVALID_VALUE, "sequence: "),
    "no such day": (whole(event_time="2025-02-29T00:00:00Z"), Reason.INVALID_VALUE, "event_time: "),
    "version 0": (whole(schema_version=0), Reason.INVALID_VALUE, "schema_version: "),
    "a time without zone": (
        whole(event_time="2025-09-15T13:58:02"),
        Reason.NAIVE_TIME,
        "event_time: ",
    ),
    "an occurrence without zone": (
        whole(payload={"timestamp": "2025-09-15T13:58:02"}),
        Reason.NAIVE_TIME,
        "payload.timestamp: ",
    ),
    "before 2000": (whole(event_time="1999-12-31T23:59:59Z"), Reason.TOO_OLD, "event_time: "),
    "the day after tomorrow": (
        whole(event_time="2025-09-17T00:00:01Z"),
        Reason.TOO_FAR_AHEAD,
        "event_time: ",
    ),
    "an unknown type": (
        whole(event_type="session_started"),
        Reason.UNKNOWN_EVENT_TYPE,
        "event_type: ",
    ),
    "a newer version": (whole(schema_version=2), Reason.NEWER_SCHEMA_VERSION, "schema_version: "),
    "a newer version of an unknown type": (
        whole(schema_version=2, event_type="paused", without=["teacher_id"]),
        Reason.NEWER_SCHEMA_VERSION,
        "schema_version: ",
    ),
    "a bad value, then a good one": (
        whole().replace(b'"sequence": 12', b'"sequence": "x", "sequence": 12'),
        Reason.REPEATED_FIELD,
        "more than once",
    ),
    "two types": (
        whole()[:-1] + b',"event_type":"started"}',
        Reason.REPEATED_FIELD,
        "more than once",
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_rejection_has_its_reason_and_names_the_field(name):
    value, reason, words = REJECTED[name]
    rejection = explain(value, NOW)
    assert rejection.reason is reason
    assert words in rejection.detail


def test_every_reason_has_a_message():
    assert {reason for _, reason, _ in REJECTED.values()} == set(Reason)


def test_32_levels_are_not_too_deep():
    assert explain(whole()[:-1] + b',"x":' + b"[" * 31 + b"]" * 31 + b"}", NOW) is None


def test_brackets_in_a_string_do_not_count_as_nesting():
    assert explain(whole()[:-1] + b',"x":"' + rb"\"[{" * 50 + b'"}', NOW) is None


@pytest.mark.parametrize(
    "secret", ["31337-name", "31337\nname", 31337, 31337.5, ["31337"], {"31337": 1}]
)
def test_a_rejection_never_quotes_the_message(secret):
    for event_type, payload in EMITTED:
        root = Node(message(event_type, payload))
        for node in root.descendants():
            kept, node.raw = node.raw, json.dumps(secret)
            rejection = explain(str(root).encode(), NOW)
            node.raw = kept
            assert rejection is None or "31337" not in rejection.detail


@settings(max_examples=200, deadline=None)
@given(messages() | st.binary(max_size=50))
def test_a_rejection_is_one_short_printable_sentence(value):
    rejection = explain(value, NOW)
    if rejection:
        assert rejection.detail.isascii()
        assert rejection.detail.isprintable()
        assert rejection.detail.endswith(".")
        assert len(rejection.detail) < 200


def test_the_contracts_document_explains_every_reason():
    text = (Path(__file__).parents[3] / "docs/contracts.md").read_text()
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \|$", text, re.MULTILINE) == list(Reason)
