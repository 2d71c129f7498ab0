from datetime import UTC, datetime, timedelta, timezone

import pytest

from classwaves_runtime.timestamps import format_timestamp

MOMENT = datetime(2026, 3, 2, 10, 0, 0, 1500, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "exact", "text"),
    [
        (MOMENT, False, "2026-03-02T10:00:00.001Z"),
        (MOMENT, True, "2026-03-02T10:00:00.001500Z"),
        (MOMENT.replace(microsecond=2000), True, "2026-03-02T10:00:00.002Z"),
        (MOMENT.astimezone(timezone(timedelta(hours=5.5))), False, "2026-03-02T10:00:00.001Z"),
    ],
    ids=["milliseconds", "microseconds", "exact without microseconds", "another time zone"],
)
def test_a_timestamp_is_iso_8601_in_utc(moment, exact, text):
    assert format_timestamp(moment, exact=exact) == text
