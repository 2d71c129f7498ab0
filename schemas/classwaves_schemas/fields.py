"""The types that a declared field may have, and the marks that say how it is stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, TypeVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from classwaves_schemas.times import aware

T = TypeVar("T")

NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f-\x9f]*$"

Identifier = Annotated[str, Field(min_length=1, max_length=256, pattern=NO_CONTROL_CHARACTERS)]
"""A name made by a machine: 1 to 256 characters, none of them a control character."""

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9 _.:/-]{1,64}$")]
"""A short word of a program's own vocabulary; no room for what a person would write."""

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""How many, or how many seconds."""

Time = Annotated[datetime, BeforeValidator(aware)]
"""RFC 3339 text with Z or an offset; a number is not a time."""

Several = Annotated[list[T], Field(fail_fast=True)]
"""A list, read up to its first fault: a million faults cost no more than one."""


@dataclass(frozen=True)
class StorageMark:
    """Marks a field that is not stored as it comes, and says so in the generated schemas."""

    stored: ClassVar[str]

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(core) | {"x-stored": self.stored}


class MemberId(StorageMark):
    """A pupil's id: stored only as a keyed pseudonym, and without a key not at all."""

    stored = "as a keyed pseudonym"


class ReadToDerive(StorageMark):
    """A field that is read only to derive others from it."""

    stored = "never"
