"""The types of declared fields, and the marks that change their storage."""

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
"""A machine-made name: 1 to 256 characters without control characters."""

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9 _.:/-]{1,64}$")]
"""A short code word of a program; never free text."""

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A count, or a number of seconds."""

Time = Annotated[datetime, BeforeValidator(aware)]
"""RFC 3339 text with Z or an offset; a number is not a time."""

Several = Annotated[list[T], Field(fail_fast=True)]
"""A list that is validated up to its first fault, so that a million faults cost the same as one."""


@dataclass(frozen=True)
class StorageMark:
    """Marks a field that is not stored unchanged; the generated schemas say so."""

    stored: ClassVar[str]

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(core) | {"x-stored": self.stored}


class MemberId(StorageMark):
    """A pupil's id: stored as a keyed pseudonym; without a key it is dropped."""

    stored = "as a keyed pseudonym"


class ReadToDerive(StorageMark):
    """A field from which other fields are derived; it is never stored."""

    stored = "never"
