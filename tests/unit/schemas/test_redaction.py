import json

import msgspec
import pytest

from classwaves_schemas.envelope import EventType
from classwaves_schemas.fastpath import struct_for
from classwaves_schemas.payloads import PAYLOADS
from classwaves_schemas.payloads.configured import Configured
from classwaves_schemas.pseudonym import Pseudonymiser
from classwaves_schemas.redaction import redact
from tests.support.payloads import EMITTED, GROUP, LEADER, PUPIL, ROSTER

KEYED = Pseudonymiser(b"k" * 32)


def keep(event_type, payload, pseudonymise=KEYED):
    model = PAYLOADS[EventType(event_type)]
    kept, dropped = redact(
        msgspec.json.decode(json.dumps(payload), type=struct_for(model)), pseudonymise
    )
    again, counted = redact(model.model_validate(payload), pseudonymise)
    text = msgspec.json.encode(kept)
    assert json.loads(again.model_dump_json(exclude_none=True)) == json.loads(text)
    assert counted == dropped
    return json.loads(text), dropped


def test_only_the_sizes_of_a_roster_are_stored():
    kept, dropped = keep("configured", ROSTER)
    assert kept == {
        "timestamp": "2025-09-15T14:05:31.902000Z",
        "source": "session_controller",
        "groupPlan": {"numberOfGroups": 2, "groupSize": 4},
        "groupCount": 2,
        "groupSizes": [2, 1],
        "memberCount": 3,
    }
    assert dropped == {
        "payload.groupPlan.groups[].leaderId": 2,
        "payload.groupPlan.groups[].memberIds": 2,
    }


def test_a_leader_and_a_pupil_in_two_groups_count_once_overall():
    groups = [
        {"leaderId": "a", "memberIds": ["b", "b", "a"]},
        {"leaderId": "", "memberIds": ["b"]},
        {},
    ]
    kept, _ = keep("configured", {"groupPlan": {"groups": groups}})
    assert (kept["groupSizes"], kept["memberCount"]) == ([2, 1, 0], 2)


def test_a_plan_without_groups_has_no_members():
    kept, dropped = keep("configured", {"groupPlan": {"groups": []}})
    assert (kept["groupSizes"], kept["memberCount"], dropped) == ([], 0, {})


def test_sizes_without_a_roster_are_kept():
    kept, _ = keep(
        "configured", {"groupSizes": [3], "memberCount": 3, "groupPlan": {"groupSize": 4}}
    )
    assert kept == {"groupSizes": [3], "memberCount": 3, "groupPlan": {"groupSize": 4}}


@pytest.mark.parametrize(
    ("event_type", "field"),
    [
        ("leader_ready", "leaderId"),
        *(
            (join, field)
            for join in ("member_join", "member_leave")
            for field in ("studentId", "userId")
        ),
    ],
)
def test_the_id_of_a_pupil_becomes_a_pseudonym_or_is_dropped_without_a_key(event_type, field):
    given = {"groupId": GROUP, field: LEADER}
    assert keep(event_type, given) == ({"groupId": GROUP, field: KEYED(LEADER)}, {})
    assert keep(event_type, given, None) == ({"groupId": GROUP}, {f"payload.{field}": 1})


def test_a_pseudonym_made_by_the_producer_is_kept_even_without_a_key():
    given = {"leaderId": KEYED(LEADER)}
    assert keep("leader_ready", given) == keep("leader_ready", given, None) == (given, {})


@pytest.mark.parametrize("pseudonymise", [None, KEYED])
@pytest.mark.parametrize(("event_type", "payload"), EMITTED)
def test_redaction_is_idempotent(event_type, payload, pseudonymise):
    kept, _ = keep(event_type, payload, pseudonymise)
    assert keep(event_type, kept, pseudonymise) == (kept, {})


@pytest.mark.parametrize("pseudonymise", [None, KEYED])
@pytest.mark.parametrize(("event_type", "payload"), EMITTED)
def test_no_name_note_or_id_of_a_pupil_is_stored(event_type, payload, pseudonymise):
    kept, _ = keep(event_type, payload, pseudonymise)
    text = json.dumps(kept)
    assert not any(
        secret in text
        for secret in (LEADER, PUPIL, "Group A", "Maya", "O'Neil", "phones", "relevant")
    )


def test_redaction_does_not_change_the_given_payload():
    given = Configured.model_validate(ROSTER)
    redact(given, KEYED)
    assert given == Configured.model_validate(ROSTER)
