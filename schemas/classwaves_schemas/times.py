"""Parsing RFC 3339 times; equal to the fast path to the microsecond."""

import re
from datetime import UTC, datetime, timedelta, timezone

from pydantic_core import PydanticCustomError

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?"
    r"(?:([Zz])|([+-])([01]\d|2[0-3]):?([0-5]\d))?",
    re.ASCII,
)

_MINUTE = timedelta(minutes=1)


def parse_time(text: str) -> datetime:
    """Parse an RFC 3339 time; the result is naive without an offset.

    A fraction finer than a microsecond is rounded by its seventh digit, half up.

    Raises:
        ValueError: the text is not an RFC 3339 time, or there is no such time.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time")
    *clock, fraction, zulu, sign, hours, minutes = match.groups()
    zone: timezone | None = UTC if zulu else None
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(-offset if sign == "-" else offset)
    time = datetime(*map(int, clock), tzinfo=zone)  # type: ignore[arg-type, misc]  # six of them
    digits = (fraction or "").ljust(7, "0")
    try:
        return time + timedelta(microseconds=int(digits[:6]) + (digits[6] >= "5"))
    except OverflowError as error:
        raise ValueError("past the last time") from error


def aware(value: object) -> object:
    """Pydantic validator before a time field: parses text and refuses naive times.

    A time whose offset is not a whole number of minutes becomes UTC, because RFC 3339 text cannot
    express its offset.
    """
    if isinstance(value, str):
        try:
            value = parse_time(value)
        except ValueError:
            raise PydanticCustomError("time_format", "Input should be an RFC 3339 time") from None
    if not isinstance(value, datetime):
        return value
    offset = value.utcoffset()
    if offset is None:
        raise PydanticCustomError("naive_time", "Input should end with Z or an offset from UTC")
    if offset % _MINUTE:
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise PydanticCustomError("time_format", "Input should be a time in UTC") from None
    return value
