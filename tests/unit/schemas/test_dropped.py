import pytest

from classwaves_schemas.dropped import undeclared
from classwaves_schemas.envelope import EventType
from tests.support.payloads import NOTES, ROSTER
from tests.unit.schemas.messages import message


def test_undeclared_fields_are_counted_by_the_declared_path_of_their_parent():
    payload = {**ROSTER, "teacherNotes": NOTES, "accessCode": "AB12CD"}
    payload["groupPlan"] = {**payload["groupPlan"], "colour": "red"}
    whole = message("configured", payload, displayName="Maya", extra={"deep": {"er": 1}})
    assert undeclared(EventType.CONFIGURED, whole) == {
        "envelope": 2,
        "payload": 2,
        "payload.groupPlan": 1,
        "payload.groupPlan.groups[]": 2,
    }


@pytest.mark.parametrize(
    "payload",
    [{}, {"groupPlan": None}, {"groupPlan": {"groups": None}}, {"groupPlan": {"groups": []}}],
)
def test_a_message_without_undeclared_fields_has_no_counts(payload):
    assert not undeclared(EventType.CONFIGURED, message("configured", payload))


def test_a_field_of_another_type_is_undeclared():
    assert undeclared(EventType.ENDED, message("ended", {"groupId": "g"})) == {"payload": 1}
