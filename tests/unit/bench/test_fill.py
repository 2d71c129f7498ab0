from datetime import UTC, datetime

from bench.fill import EVENTS_PER_SESSION, events
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
