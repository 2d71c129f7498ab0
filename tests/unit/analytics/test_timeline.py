import pytest

from classwaves_analytics.errors import SessionUnknown
from classwaves_analytics.gaps import Gap
from classwaves_analytics.shapes import classic, store
from classwaves_analytics.timeline import timeline
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.memory import MemoryWarehouse
from tests.support.rows import STREAM, batch, event


@pytest.fixture
def stored():
    def of(*rows):
        warehouse = MemoryWarehouse()
        warehouse.ledger(STREAM).append(batch(*rows), {0: None}, {0: Progress(position=len(rows))})
        return warehouse.events

    return of


def test_events_come_in_their_one_order_whatever_the_arrival(stored):
    found = timeline(
        stored(event("c", minutes=2), event("a", minutes=1), event("b", minutes=1)), "s1"
    )
    assert [each.id for each in found.events] == ["a", "b", "c"]


def test_another_sessions_events_are_left_out(stored):
    found = timeline(stored(event("a"), event("b", session_id="s2")), "s1")
    assert [each.id for each in found.events] == ["a"]


@pytest.mark.parametrize("text", ['{"teacherNotes":"O"Neil"}', "[1]", "null", "7", "[" * 100_000])
def test_a_payload_that_is_no_object_is_shown_raw_and_costs_no_other_event(stored, text):
    found = timeline(
        stored(event("a", payload=text), event("b", minutes=1, payload='{"groupId":"g1"}')), "s1"
    )
    assert (found.events[0].payload, found.events[0].raw_payload) == (None, text)
    assert (found.events[1].payload, found.events[1].raw_payload) == ({"groupId": "g1"}, None)


def test_a_row_without_a_payload_has_an_empty_one(stored):
    assert timeline(stored(event("a", payload=None)), "s1").events[0].payload == {}


def test_numbers_that_a_source_left_out_are_gaps(stored):
    rows = [event(str(n), source="controller-1", sequence=n) for n in (1, 2, 5)]
    assert timeline(stored(*rows), "s1").gaps == (Gap("controller-1", 3, 4),)


def test_a_session_without_events_is_unknown_by_name(stored):
    with pytest.raises(SessionUnknown, match="session s9"):
        timeline(stored(event("a")), "s9")


def test_the_shape_of_the_store_has_its_columns_and_an_object_for_payload(stored):
    (shown,) = map(
        store, timeline(stored(event("a", payload='{"groupId":"g1"}', sequence=3)), "s1").events
    )
    assert list(shown)[:7] == [
        "id",
        "session_id",
        "teacher_id",
        "event_type",
        "event_time",
        "payload",
        "created_at",
    ]
    assert shown["event_time"] == "2026-03-02T08:00:00.000Z"
    assert shown["payload"] == {"groupId": "g1"}
    assert shown["sequence"] == 3


def test_the_shape_of_the_store_shows_raw_text_only_where_there_is_no_payload(stored):
    (shown,) = map(store, timeline(stored(event("a", payload="broken")), "s1").events)
    assert (shown["payload"], shown["raw_payload"]) == (None, "broken")


def test_the_classic_shape_has_the_five_keys_of_the_endpoint(stored):
    found = timeline(
        stored(event("a", event_type="leader_ready", payload='{"groupId":"g1"}')), "s1"
    )
    assert [classic(each) for each in found.events] == [
        {
            "timestamp": "2026-03-02T08:00:00.000Z",
            "type": "leader_ready",
            "description": "Group leader ready",
            "impact": None,
            "groupId": "g1",
        }
    ]


def test_the_classic_shape_invents_nothing(stored):
    (shown,) = map(
        classic,
        timeline(stored(event("a", event_type="session_started", payload="broken")), "s1").events,
    )
    assert (shown["description"], shown["impact"], shown["groupId"]) == (
        "session_started",
        None,
        None,
    )


def test_microseconds_are_shown_where_there_are_any(stored):
    (shown,) = map(classic, timeline(stored(event("a", minutes=1e-6)), "s1").events)
    assert shown["timestamp"] == "2026-03-02T08:00:00.000060Z"
