import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_schemas.envelope import EventType
from classwaves_schemas.times import parse_time
from classwaves_schemas.verdict import explain
from demo.lesson import CONTROLLER, PODS, Lesson
from demo.school_day import EVENTS_PER_TEACHER, SCHOOLS, SchoolDay, last_school_day

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BEGINS = datetime(2025, 9, 15, 8, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def day():
    return SchoolDay(seed=7, on=date(2025, 9, 15), teachers=12).happenings()


def life(seed):
    return Lesson(Random(seed), "school", "teacher", BEGINS).happenings()


seeds = st.integers(0, 2**32)


@given(seeds)
def test_a_lesson_is_configured_then_started_then_ended(seed):
    types = [each.message["event_type"] for each in life(seed)]
    assert types[0] == "configured"
    assert types[-1] == "ended"
    assert types.count("configured") == types.count("ended") == 1
    assert types.count("started") in {1, 2}
    assert types.index("leader_ready") < types.index("started") < types.index("prompt_interaction")


@given(seeds)
def test_every_message_of_a_lesson_is_what_the_contract_accepts(seed):
    for each in life(seed):
        assert explain(json.dumps(each.message).encode(), NOW) is None


@given(seeds)
def test_a_component_that_counts_counts_densely_and_in_the_order_of_time(seed):
    counted = defaultdict(list)
    for each in life(seed):
        if "sequence" in each.message:
            counted[each.message["source"]].append((each.message["sequence"], each.at))
    for told in counted.values():
        assert [sequence for sequence, _ in told] == list(range(1, len(told) + 1))
        assert told == sorted(told, key=lambda one: one[1])


@given(seeds)
def test_whoever_leaves_has_joined_before(seed):
    present = Counter()
    for each in life(seed):
        payload = each.message["payload"]
        if each.message["event_type"] == "member_leave":
            present["all"] -= 1
            assert present["all"] >= 0
        elif each.message["event_type"] == "member_join":
            present["all"] += 1
            assert payload["studentId"] if "studentId" in payload else payload["memberCount"]
    assert present["all"] == 0


@settings(max_examples=5)
@given(seeds)
def test_the_same_seed_is_the_same_day(seed):
    day = SchoolDay(seed, date(2025, 9, 15), teachers=1)
    assert day.happenings() == day.happenings()


def test_another_seed_shares_no_identity(day):
    other = SchoolDay(seed=8, on=date(2025, 9, 15), teachers=12).happenings()
    assert not {each.message["id"] for each in day} & {each.message["id"] for each in other}


def test_no_two_events_of_a_day_share_an_id(day):
    assert len({each.message["id"] for each in day}) == len(day)


def test_a_day_has_every_event_type_every_pod_and_every_school(day):
    assert {each.message["event_type"] for each in day} == set(EventType)
    assert {each.pod for each in day} == set(PODS)
    assert len({each.message["school_id"] for each in day}) == SCHOOLS


def test_a_day_happens_in_order_on_its_date(day):
    assert [each.at for each in day] == sorted(each.at for each in day)
    assert {each.at.date() for each in day} == {date(2025, 9, 15)}
    assert all(abs((parse_time(each.message["event_time"]) - each.at).total_seconds()) < 0.001 for each in day)


def test_the_payload_shapes_of_all_times_occur(day):
    shapes = defaultdict(set)
    for each in day:
        shapes[each.message["event_type"]].add(frozenset(each.message["payload"]))
    assert {event_type: len(found) for event_type, found in shapes.items()} == {
        "configured": 3,
        "started": 3,
        "leader_ready": 2,
        "member_join": 3,
        "member_leave": 2,
        "prompt_interaction": 2,
        "ended": 2,
    }


def test_the_rest_backend_tells_neither_source_nor_sequence(day):
    assert all(("sequence" in each.message) == (each.pod != CONTROLLER) for each in day)


def test_a_teacher_has_about_as_many_events_as_the_rate_is_reckoned_with(day):
    assert len(day) / 12 == pytest.approx(EVENTS_PER_TEACHER, rel=0.1)


@given(st.dates(date(2001, 1, 1), date(2100, 1, 1)))
def test_the_last_school_day_is_a_past_weekday_of_this_week_or_the_last(today):
    last = last_school_day(today)
    assert 1 <= (today - last).days <= 3
    assert last.weekday() < 5
