from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from classwaves_schemas.envelope import Envelope, EventType
from classwaves_schemas.payloads import PAYLOADS
from classwaves_schemas.payloads.payload import Payload
from tests.unit.schemas.messages import message


def test_an_envelope_round_trips_through_json():
    given = message("ended", {"reason": "other"}, event_time=datetime(2025, 9, 15, tzinfo=UTC))
    made = Envelope(**given | {"event_type": EventType.ENDED})
    assert Envelope.model_validate_json(made.model_dump_json()) == made


def test_a_datetime_without_a_zone_is_refused():
    with pytest.raises(ValidationError, match="offset from UTC"):
        Envelope(**message("ended", {}, event_time=datetime(2025, 9, 15)))


def test_an_error_shows_no_input():
    with pytest.raises(ValidationError) as refused:
        Envelope(**message("ended", {}, id=31337))
    assert "31337" not in str(refused.value)


def test_every_event_type_has_a_payload_with_only_optional_fields():
    assert PAYLOADS.keys() == set(EventType)
    for model in PAYLOADS.values():
        assert issubclass(model, Payload)
        assert model.model_validate({}) == model.model_validate(dict.fromkeys(model.model_fields))


def test_only_the_first_error_of_a_list_is_reported():
    with pytest.raises(ValidationError) as refused:
        PAYLOADS[EventType.CONFIGURED].model_validate(
            {"groupPlan": {"groups": [{"memberIds": [1] * 9}, 1, 1]}}
        )
    assert refused.value.error_count() == 1
