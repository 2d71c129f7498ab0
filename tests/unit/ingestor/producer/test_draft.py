import json
import warnings
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from types import MappingProxyType

import pytest

from classwaves_ingestor.producer.draft import draft
from classwaves_ingestor.producer.errors import InvalidEvent
from classwaves_schemas.envelope import EventType
from classwaves_schemas.fastpath import parse
from classwaves_schemas.payloads.configured import Configured, GroupPlan, PlannedGroup
from classwaves_schemas.payloads.ended import Ended
from classwaves_schemas.payloads.member_join import MemberJoin
from classwaves_schemas.payloads.started import Started
from classwaves_schemas.pseudonym import Pseudonymiser
from classwaves_schemas.validation import explain
from tests.support.events import PAYLOADS

NOW = datetime(2025, 9, 15, 14, 0, tzinfo=UTC)
KEYED = Pseudonymiser(b"k" * 32)


def fields(event_type="started", **changes):
    return {
        "id": "e1",
        "event_type": event_type,
        "event_time": NOW,
        "session_id": "s1",
        "teacher_id": "t1",
        "school_id": None,
        "trace_id": None,
        "payload": {},
    } | changes


def message(drafted):
    return json.loads(drafted.text + b"}")


@pytest.mark.parametrize("event_type", EventType)
@pytest.mark.parametrize("pseudonymise", [None, KEYED], ids=["no key", "key"])
def test_events_of_the_real_producers_are_accepted_by_producer_and_consumer(
    event_type, pseudonymise
):
    drafted = draft(fields(event_type, payload=dict(PAYLOADS[event_type])), pseudonymise, NOW)
    assert explain(drafted.text + b"}", NOW) is None
    assert message(drafted)["event_type"] == event_type


def test_a_payload_may_be_a_model():
    drafted = draft(fields(payload=Started(readyGroupsAtStart=4)), None, NOW)
    assert message(drafted)["payload"] == {"readyGroupsAtStart": 4}
    assert not drafted.dropped


def test_a_payload_may_be_any_mapping():
    drafted = draft(fields(payload=MappingProxyType({"readyGroupsAtStart": 4})), None, NOW)
    assert message(drafted)["payload"] == {"readyGroupsAtStart": 4}


def test_undeclared_fields_are_dropped_and_counted_by_declared_path():
    payload = {
        "teacherNotes": "private",
        "groupPlan": {
            "x": 1,
            "groups": [{"name": "Maya's", "leaderId": "a"}, {"name": "B", "memberIds": ["b", "c"]}],
        },
    }
    drafted = draft(fields("configured", payload=payload), KEYED, NOW)
    assert drafted.dropped == {
        "payload": 1,
        "payload.groupPlan": 1,
        "payload.groupPlan.groups[]": 2,
        "payload.groupPlan.groups[].leaderId": 1,
        "payload.groupPlan.groups[].memberIds": 1,
    }
    assert message(drafted)["payload"] == {"groupPlan": {}, "groupSizes": [1, 2], "memberCount": 3}


def test_an_undeclared_value_may_be_arbitrarily_deep_or_cyclic():
    endless = {}
    endless["within"] = endless
    plan = {"groups": [{"leaderId": "a", "x": endless}], "x": endless}
    drafted = draft(fields("configured", payload={"groupPlan": plan, "x": endless}), KEYED, NOW)
    assert drafted.dropped == {
        "payload": 1,
        "payload.groupPlan": 1,
        "payload.groupPlan.groups[]": 1,
        "payload.groupPlan.groups[].leaderId": 1,
    }


def test_models_inside_a_mapping_have_no_undeclared_fields():
    plan = GroupPlan(groups=[PlannedGroup(leaderId="a")])
    drafted = draft(fields("configured", payload={"groupPlan": plan, "x": 1}), None, NOW)
    assert drafted.dropped["payload"] == 1
    assert message(drafted)["payload"]["groupSizes"] == [1]
    assert message(
        draft(fields("configured", payload=Configured(groupPlan=plan)), None, NOW)
    ) == message(drafted)


def test_ids_of_pupils_become_pseudonyms():
    drafted = draft(fields("leader_ready", payload={"leaderId": "pupil"}), KEYED, NOW)
    assert message(drafted)["payload"]["leaderId"] == KEYED("pupil")


def test_without_a_key_ids_of_pupils_are_dropped_and_counted():
    drafted = draft(fields("leader_ready", payload={"leaderId": "pupil"}), None, NOW)
    assert message(drafted)["payload"] == {}
    assert drafted.dropped == {"payload.leaderId": 1}


def test_a_given_event_id_is_kept():
    composite = "3d9f1c52-5d0e-4d7e-a2f7-2b7d0f6a9c10_started_1757944000000_k3j9x2a1b"
    assert draft(fields(id=composite), None, NOW).event_id == composite


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"event_type": "begun"}, r"^event_type: expected one of configured, ended, "),
        ({"event_type": ["started"]}, r"^event_type: expected one of configured, ended, "),
        ({"event_type": None}, r"^event_type: expected one of configured, ended, "),
        ({"session_id": ""}, r"^session_id: "),
        ({"session_id": 7}, r"^session_id: Input should be a valid string"),
        ({"teacher_id": None}, r"^teacher_id: "),
        ({"event_time": datetime(2025, 9, 15, 14, 0)}, r"^event_time: .*offset from UTC"),
        (
            {"event_time": datetime(1999, 12, 31, tzinfo=UTC)},
            r"^event_time: expected 2000-01-01 or later",
        ),
        ({"event_time": NOW + timedelta(hours=24, seconds=1)}, r"^event_time: .*at most 1 day"),
        ({"payload": "text"}, r"^payload: expected a mapping"),
        (
            {"payload": {"readyGroupsAtStart": "secret"}},
            r"^payload\.readyGroupsAtStart: Input should be a valid int",
        ),
        ({"payload": {"readinessRatio": float("nan")}}, r"^payload\.readinessRatio: .*finite"),
        ({"payload": {"source": "\ud800"}}, r"^payload\.source: .*unicode"),
        ({"event_type": "ended", "payload": Started()}, r"^payload: .*instance of Ended"),
        (
            {
                "event_type": "configured",
                "payload": {"groupPlan": {"groups": [{"memberIds": ["secret", 1]}]}},
            },
            r"^payload\.groupPlan\.groups\[\]\.memberIds\[\]: ",
        ),
    ],
)
def test_a_violation_of_the_contract_names_the_field_and_never_quotes_its_value(changes, complaint):
    with pytest.raises(InvalidEvent, match=complaint) as caught:
        draft(fields(**changes), None, NOW)
    assert "secret" not in str(caught.value)


def test_a_time_is_converted_to_utc_from_any_offset():
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2)))
    assert (
        datetime.fromisoformat(
            message(draft(fields(event_time=elsewhere), None, NOW))["event_time"]
        )
        == NOW
    )


@pytest.mark.parametrize(
    "offset",
    [
        timedelta(hours=5, minutes=53, seconds=28),  # local mean time of an old time zone
        timedelta(hours=1, microseconds=5),
        -timedelta(hours=23, minutes=59, seconds=59),
    ],
    ids=str,
)
@pytest.mark.parametrize("where", ["event_time", "timestamp"])
def test_a_time_keeps_its_moment_with_an_offset_that_text_cannot_express(offset, where):
    """RFC 3339 offsets have whole minutes."""
    moment = NOW.astimezone(timezone(offset))
    given = {"event_time": moment} if where == "event_time" else {"payload": {"timestamp": moment}}
    event, _ = parse(draft(fields(**given), None, NOW).text + b"}")
    assert (event.event_time if where == "event_time" else event.payload.timestamp) == NOW


class WithoutOffset(tzinfo):
    """A time zone that does not know its offset, which makes a time naive."""

    def utcoffset(self, _):
        return None


@pytest.mark.parametrize("where", ["event_time", "timestamp"])
def test_a_time_zone_without_an_offset_is_refused_by_its_field(where):
    naive = NOW.replace(tzinfo=WithoutOffset())
    given = {"event_time": naive} if where == "event_time" else {"payload": {"timestamp": naive}}
    with pytest.raises(InvalidEvent, match=rf"{where}: .*offset from UTC"):
        draft(fields(**given), None, NOW)


@pytest.mark.parametrize("where", ["event_time", "timestamp"])
def test_a_time_that_has_no_moment_in_utc_is_refused_by_its_field(where):
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=53, seconds=28)))
    given = {"event_time": first} if where == "event_time" else {"payload": {"timestamp": first}}
    with pytest.raises(InvalidEvent, match=f"{where}: "):
        draft(fields(**given), None, NOW)


@pytest.mark.parametrize(
    ("event_type", "payload", "where"),
    [
        ("ended", Ended.model_construct(reason="bored"), "payload.reason"),
        ("ended", Ended(reason="other").model_copy(update={"duration_seconds": "x"}), "payload.d"),
        ("member_join", MemberJoin.model_construct(studentId=5), "payload.studentId"),
        (
            "configured",
            {"groupPlan": GroupPlan.model_construct(numberOfGroups=-1)},
            "payload.groupPlan.numberOfGroups",
        ),
    ],
    ids=["constructed", "copied", "pupil's id", "nested"],
)
def test_a_model_that_was_made_without_validation_is_validated(event_type, payload, where):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidEvent, match=f"^{where}"):
            draft(fields(event_type, payload=payload), KEYED, NOW)
