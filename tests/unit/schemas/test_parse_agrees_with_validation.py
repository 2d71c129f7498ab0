"""`parse` and `explain` agree on every message; no JSON Schema is stricter than they are."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from classwaves_schemas.dropped import undeclared
from classwaves_schemas.envelope import EARLIEST_EVENT_TIME, MAX_AHEAD, Envelope, EventType
from classwaves_schemas.events import EVENTS
from classwaves_schemas.fastpath import parse, tree
from classwaves_schemas.generators.json_schema import event_schema
from classwaves_schemas.pseudonym import Pseudonymiser
from classwaves_schemas.redaction import redact
from classwaves_schemas.validation import Reason, explain
from tests.support.payloads import EMITTED
from tests.unit.schemas.messages import EDGE_CASES, TIMES, Node, message, messages

NOW = datetime(2025, 9, 16, tzinfo=UTC)
SCHEMAS = {each: Draft202012Validator(event_schema(each)) for each in EventType}
PSEUDONYMISE = Pseudonymiser(b"k" * 32)


def repeats_a_key(value):
    repeats = []

    def look(pairs):
        repeats.append(len(dict(pairs)) < len(pairs))
        return dict(pairs)

    json.loads(value, object_pairs_hook=look, parse_int=str)
    return any(repeats)


def accepted_by_both(value):
    """The event if both paths accept the value, else None. Fails if they disagree."""
    found = parse(value)
    in_time = found is not None and EARLIEST_EVENT_TIME <= found[0].event_time <= NOW + MAX_AHEAD
    rejection = explain(value, NOW)
    assert (rejection is None) == in_time, rejection
    if rejection and rejection.reason is Reason.REPEATED_FIELD:
        assert repeats_a_key(value)
    return found if in_time else None


def same_values(fast, model):
    names = Envelope.model_fields.keys() - {"payload"}
    return {name: getattr(fast, name) for name in names} == {
        name: getattr(model, name) for name in names
    }


@settings(max_examples=500, deadline=None)
@given(messages())
def test_both_paths_agree_on_validity_and_values(value):
    if found := accepted_by_both(value):
        fast, plain = found
        whole = tree(value)
        model = EVENTS[fast.event_type].model_validate(whole)
        assert same_values(fast, model)
        assert SCHEMAS[fast.event_type].is_valid(whole)
        assert plain == whole or (plain is None and not undeclared(fast.event_type, whole))
        for pseudonymise in (None, PSEUDONYMISE):
            kept, expected = redact(fast.payload, pseudonymise), redact(model.payload, pseudonymise)
            text = expected.payload.model_dump_json(exclude_none=True)
            assert json.loads(msgspec.json.encode(kept.payload)) == json.loads(text)
            assert kept.dropped == expected.dropped


@pytest.mark.parametrize(
    "edge_case", [*EDGE_CASES, *(f'"{time}"' for time in TIMES)], ids=range(len(EDGE_CASES + TIMES))
)
def test_both_paths_agree_on_an_edge_case_in_any_field(edge_case):
    for event_type, payload in EMITTED:
        root = Node(message(event_type, payload))
        for node in root.descendants():
            kept, node.raw = node.raw, edge_case
            accepted_by_both(str(root).encode())
            node.raw = kept


@pytest.mark.parametrize("event_type", EventType)
def test_both_paths_agree_on_an_edge_case_in_a_field_that_no_known_payload_has(event_type):
    for name in EVENTS[event_type].model_fields["payload"].annotation.model_fields:
        for edge_case in EDGE_CASES:
            accepted_by_both(
                json.dumps(message(event_type, {name: "?"}))
                .replace('"?"', edge_case)
                .encode(errors="surrogatepass")
            )


@pytest.mark.parametrize(("event_type", "payload"), EMITTED)
def test_every_known_payload_is_accepted(event_type, payload):
    fast, _ = accepted_by_both(json.dumps(message(event_type, payload)).encode())
    assert fast.event_type == event_type
    assert fast.schema_version == 1


def test_the_last_value_of_a_repeated_field_counts():
    value = (
        json.dumps(message("ended", {}, sequence="?")).replace('"?"', '1, "sequence": 2').encode()
    )
    fast, _ = accepted_by_both(value)
    assert fast.sequence == 2


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("2.1234564999", 123456), ("2.1234565", 123457), ("1.9999995", 0), ("2.1", 100000), ("2", 0)],
)
def test_a_fraction_finer_than_a_microsecond_is_rounded_half_up(text, microsecond):
    value = json.dumps(message("ended", {}, event_time=f"2025-09-15T13:58:0{text}Z")).encode()
    fast, _ = accepted_by_both(value)
    assert fast.event_time == datetime(2025, 9, 15, 13, 58, 2, microsecond, tzinfo=UTC)


def test_time_limits_are_inclusive():
    for time in (EARLIEST_EVENT_TIME, NOW + MAX_AHEAD):
        assert (
            explain(json.dumps(message("ended", {}, event_time=time.isoformat())).encode(), NOW)
            is None
        )
    early = EARLIEST_EVENT_TIME - timedelta(microseconds=1)
    late = NOW + MAX_AHEAD + timedelta(microseconds=1)
    for time, reason in ((early, Reason.TOO_OLD), (late, Reason.TOO_FAR_AHEAD)):
        value = json.dumps(message("ended", {}, event_time=time.isoformat())).encode()
        assert explain(value, NOW).reason is reason
