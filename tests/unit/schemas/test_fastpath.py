from typing import Annotated

import msgspec
import pytest
from pydantic import BaseModel, Field

from classwaves_schemas.envelope import EventType
from classwaves_schemas.errors import UnsupportedFieldError
from classwaves_schemas.events import EVENTS
from classwaves_schemas.fastpath import events, struct_for


@pytest.mark.parametrize(
    "annotation", [dict[str, int], bytes, Annotated[int, Field(multiple_of=2)], set[str]]
)
def test_a_type_or_constraint_that_the_fast_path_cannot_check_is_an_error(annotation):
    class Odd(BaseModel):
        field: annotation

    with pytest.raises(UnsupportedFieldError, match=r"fastpath\.py"):
        struct_for(Odd)


def test_every_constraint_that_it_can_check_is_checked():
    class Bounded(BaseModel):
        some: Annotated[list[Annotated[int, Field(ge=1, le=2)]], Field(min_length=1, max_length=2)]

    decode = msgspec.json.Decoder(struct_for(Bounded)).decode
    assert decode(b'{"some":[1,2]}').some == [1, 2]
    for some in (b"[]", b"[1,1,1]", b"[0]", b"[3]"):
        with pytest.raises(msgspec.ValidationError):
            decode(b'{"some":' + some + b"}")


def test_the_strict_union_refuses_undeclared_fields_at_every_depth():
    for inner in (b'{"x":1}', b'{"groupPlan":{"x":1}}', b'{"groupPlan":{"groups":[{"name":"A"}]}}'):
        value = (
            b'{"event_type":"configured","id":"1","event_time":"2025-09-15T13:58:02Z",'
            b'"session_id":"s","teacher_id":"t","payload":' + inner + b"}"
        )
        assert msgspec.json.decode(value, type=events(strict=False)).id == "1"
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.json.decode(value, type=events(strict=True))


def test_a_struct_names_its_contract_and_its_event_type():
    struct = struct_for(EVENTS[EventType.ENDED])
    assert (struct.contract, struct.event_type) == (EVENTS[EventType.ENDED], EventType.ENDED)
