import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_ingestor.consumer.decode import Decoded, Decoder
from classwaves_schemas.pseudonym import Pseudonymiser, is_pseudonym
from classwaves_schemas.validation import Reason, explain
from classwaves_warehouse.batch import ROWS
from tests.support import events
from tests.support.events import BAD, MISSING, NOW, plain, wire
from tests.unit.ingestor.consumer.messages import message

KEY = Pseudonymiser(b"k" * 32)

nearly_events = st.builds(
    lambda fields: json.dumps(events.event() | fields).encode(),
    st.dictionaries(
        st.sampled_from([*events.event(), "teacherNotes"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(["2025-09-15T14:00:00Z", {}]),
        max_size=3,
    ),
)
values = (
    st.none()
    | st.binary(max_size=40)
    | nearly_events
    | st.sampled_from([*BAD.values(), *map(wire, events.PAYLOADS)])
)


def decode(*values: bytes | None, pseudonymise=None) -> Decoded:
    messages = [message(offset % 3, offset, value) for offset, value in enumerate(values)]
    return Decoder("topic-1", pseudonymise).decode(messages, NOW)


def row(value: bytes, pseudonymise=None) -> dict[str, object]:
    (found,) = decode(value, pseudonymise=pseudonymise).rows.to_pylist()
    return found


def payload(value: bytes, pseudonymise=None) -> dict[str, object]:
    return json.loads(row(value, pseudonymise)["payload"])


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_a_message_that_is_refused_for_it(reason):
    (reject,) = decode(BAD[reason]).rejects
    assert reject.rejection.reason is reason
    assert reject.rejection.detail


@pytest.mark.parametrize(
    "field", ["id", "event_type", "event_time", "session_id", "teacher_id", "payload"]
)
def test_each_required_field_is_required(field):
    (missing,) = decode(wire(**{field: MISSING})).rejects
    assert (missing.rejection.reason, missing.rejection.detail.split(":")[0]) == (
        Reason.MISSING_FIELD,
        field,
    )


@pytest.mark.parametrize(
    "field", ["id", "event_type", "event_time", "session_id", "teacher_id", "payload"]
)
def test_each_required_field_refuses_another_type(field):
    (wrong,) = decode(wire(**{field: 17})).rejects
    assert (wrong.rejection.reason, wrong.rejection.detail.split(":")[0]) == (
        Reason.WRONG_TYPE,
        field,
    )


@pytest.mark.parametrize("field", ["id", "session_id", "teacher_id", "event_type"])
def test_a_required_text_may_not_be_empty(field):
    (empty,) = decode(wire(**{field: ""})).rejects
    assert (empty.rejection.reason, empty.rejection.detail.split(":")[0]) == (
        Reason.EMPTY_FIELD,
        field,
    )


@pytest.mark.parametrize(
    ("event_time", "reason"),
    [
        ("2025-09-15T14:05:31", Reason.NAIVE_TIME),
        ("1999-12-31T23:59:59.999999Z", Reason.TOO_OLD),
        ("2000-01-01T00:00:00Z", None),
        ("2000-01-01T00:00:00+00:01", Reason.TOO_OLD),
        ("2025-09-16T15:00:00Z", None),
        ("2025-09-16T15:00:00.000001Z", Reason.TOO_FAR_AHEAD),
        ("2025-09-16T17:00:00+02:00", None),
        ("0001-01-01T00:00:00+10:00", Reason.TOO_OLD),
        ("9999-12-31T23:59:59-10:00", Reason.TOO_FAR_AHEAD),
        ("yesterday", Reason.INVALID_VALUE),
    ],
)
def test_an_event_time_must_be_from_2000_to_24_hours_ahead(event_time, reason):
    found = decode(wire(event_time=event_time))
    assert [each.rejection.reason for each in found.rejects] == ([] if reason is None else [reason])


def test_a_message_with_only_the_required_fields_is_a_row():
    assert row(plain(session=4, number=2)) == {
        "id": events.event(session=4, number=2)["id"],
        "session_id": events.session_id(4),
        "teacher_id": events.event(session=4)["teacher_id"],
        "event_type": "started",
        "event_time": datetime.fromisoformat("2025-09-15T14:00:02+00:00"),
        "payload": row(wire(session=4, number=2))["payload"],
        "created_at": NOW,
        "school_id": None,
        "source": None,
        "sequence": None,
        "schema_version": 1,
        "trace_id": None,
        "kafka_topic_id": "topic-1",
        "kafka_partition": 0,
        "kafka_offset": 0,
    }


def test_optional_fields_are_stored():
    event = events.event(number=3)
    found = row(wire(number=3))
    assert {
        name: found[name]
        for name in ("school_id", "source", "sequence", "schema_version", "trace_id")
    } == {
        name: event[name]
        for name in ("school_id", "source", "sequence", "schema_version", "trace_id")
    }


@pytest.mark.parametrize("event_type", events.PAYLOADS)
def test_every_payload_that_the_backend_emits_is_stored(event_type):
    found = row(wire(event_type), KEY)
    assert found["event_type"] == event_type
    assert json.loads(found["payload"])


def test_a_bad_message_does_not_affect_the_others_of_a_batch():
    found = decode(
        *(value for bad in BAD.values() for value in (wire(number=1), bad, wire(number=2)))
    )
    assert found.rows.num_rows == 2 * len(BAD)
    assert [each.rejection.reason for each in found.rejects] == list(BAD)
    assert [each.message.value() for each in found.rejects] == list(BAD.values())


def test_undeclared_fields_are_dropped_and_counted_by_the_declared_path_of_their_parent():
    ended = {**events.PAYLOADS["ended"], "parent_email": "a@example.org"}
    found = decode(wire("ended", payload=ended, nickname="Mimi"), wire("prompt_interaction"))
    assert found.dropped == {"envelope": 1, "payload": 3}
    stored = "".join(map(str, found.rows.to_pylist()))
    for secret in ("O'Neil", "example.org", "Mimi", "not relevant", "teacherNotes", "nickname"):
        assert secret not in stored


def test_a_roster_is_counted_and_not_stored():
    found = decode(wire("configured"), pseudonymise=KEY)
    stored = json.loads(found.rows["payload"][0].as_py())
    assert (stored["groupSizes"], stored["memberCount"]) == ([2, 1], 3)
    assert "Maya" not in str(stored)
    assert "7d0f1f0e" not in str(stored)
    assert found.dropped["payload.groupPlan.groups[].leaderId"] == 2


@pytest.mark.parametrize(
    ("event_type", "field"),
    [("leader_ready", "leaderId"), ("member_join", "studentId"), ("member_leave", "userId")],
)
class TestMemberIds:
    def test_with_a_key_they_become_pseudonyms(self, event_type, field):
        found = decode(wire(event_type), pseudonymise=KEY)
        kept = json.loads(found.rows["payload"][0].as_py())[field]
        assert kept == KEY(events.PAYLOADS[event_type][field])
        assert is_pseudonym(kept)
        assert not found.dropped

    def test_without_a_key_they_are_dropped_and_counted(self, event_type, field):
        found = decode(wire(event_type))
        assert field not in json.loads(found.rows["payload"][0].as_py())
        assert found.dropped == {f"payload.{field}": 1}

    @pytest.mark.parametrize("pseudonymise", [KEY, None])
    def test_a_pseudonym_that_was_made_before_is_kept(self, event_type, field, pseudonymise):
        made = Pseudonymiser(b"the producer's own key, of 32 bytes or more")("pupil")
        value = wire(event_type, payload={**events.PAYLOADS[event_type], field: made})
        found = decode(value, pseudonymise=pseudonymise)
        assert json.loads(found.rows["payload"][0].as_py())[field] == made
        assert not found.dropped


def test_rows_have_the_tables_schema_even_if_there_are_none():
    assert decode().rows.schema == decode(b"bad").rows.schema == decode(wire()).rows.schema == ROWS


def test_a_rejects_detail_and_reason_quote_nothing_of_the_message():
    secret = "Maya O'Neil"
    for value in (
        wire("ended", payload={"reason": secret}),
        wire(event_type=secret),
        wire(event_time=secret),
        wire(id={secret: secret}),
        wire(**{"payload": [secret]}),
        secret.encode(),
    ):
        (reject,) = decode(value).rejects
        assert secret not in str(reject.rejection)


@settings(max_examples=300, deadline=None)
@given(st.lists(values, max_size=8), st.sampled_from([None, KEY]))
def test_rows_and_rejects_keep_the_order_of_the_messages_and_follow_the_contract(
    the_values, pseudonymise
):
    found = decode(*the_values, pseudonymise=pseudonymise)
    rejections = [explain(value, NOW) for value in the_values]
    assert found.rows["kafka_offset"].to_pylist() == [
        offset for offset, rejection in enumerate(rejections) if rejection is None
    ]
    assert [each.rejection for each in found.rejects] == [
        rejection for rejection in rejections if rejection is not None
    ]
    assert [each.message.offset() for each in found.rejects] == [
        offset for offset, rejection in enumerate(rejections) if rejection is not None
    ]
    assert found.rows.schema == ROWS
    found.rows.validate(full=True)
    assert found.bytes >= sum(len(each.message.value() or b"") for each in found.rejects)


@given(st.integers(0, 10**6))
def test_the_limit_for_future_event_times_depends_on_the_given_time(seconds):
    now = NOW + timedelta(seconds=seconds)
    late = (now + timedelta(hours=24, seconds=1)).isoformat()
    just = (now + timedelta(hours=24)).isoformat()
    found = Decoder("t", None).decode(
        [message(0, 0, wire(event_time=late)), message(0, 1, wire(event_time=just))], now
    )
    assert [each.rejection.reason for each in found.rejects] == [Reason.TOO_FAR_AHEAD]
    assert found.rows["created_at"].to_pylist() == [now]
