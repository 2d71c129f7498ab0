from datetime import UTC, datetime

import pytest

from bench.fill import EVENTS_PER_SESSION, events, large
from classwaves_schemas.validation import explain

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_events_are_valid_and_about_390_bytes_long():
    values = [value for _, value in events(2_000)]
    assert all(explain(value, NOW) is None for value in values)
    assert 380 <= sum(map(len, values)) / len(values) <= 400


def test_events_are_distinct_and_keyed_by_their_session():
    sent = list(events(2_000))
    assert len({value for _, value in sent}) == 2_000
    assert len({key for key, _ in sent}) == 2_000 // EVENTS_PER_SESSION
    assert all(b'"session_id":"' + key in value for key, value in sent)


@pytest.mark.parametrize(("half_bad", "refused"), [(False, 0), (True, 500)])
def test_large_messages_are_about_930_bytes_long_and_all_or_half_of_them_valid(half_bad, refused):
    values = [value for _, value in large(1_000, half_bad=half_bad)]
    assert all(900 <= len(value) <= 960 for value in values)
    assert sum(explain(value, NOW) is not None for value in values) == refused
