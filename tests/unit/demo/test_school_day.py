import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_schemas.envelope import EventType
from classwaves_schemas.times import parse_time
from classwaves_schemas.validation import explain
from demo.school_day import (
    EVENTS_PER_TEACHER,
    GUIDANCE,
    PODS,
    SCHOOLS,
    Lesson,
    SchoolDay,
    replay_live,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BEGINS = datetime(2025, 9, 15, 8, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def day():
    return SchoolDay(seed=7, on=date(2025, 9, 15), teachers=12).events()


def life(seed):
    return Lesson(Random(seed), "school", "teacher", BEGINS).events()


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
    for numbered in counted.values():
        assert [sequence for sequence, _ in numbered] == list(range(1, len(numbered) + 1))
        assert numbered == sorted(numbered, key=lambda one: one[1])


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
    assert day.events() == day.events()


def test_another_seed_shares_no_identity(day):
    other = SchoolDay(seed=8, on=date(2025, 9, 15), teachers=12).events()
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
    assert all(
        abs((parse_time(each.message["event_time"]) - each.at).total_seconds()) < 0.001
        for each in day
    )


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


def test_only_the_guidance_handler_counts_by_itself(day):
    assert all(
        ("sequence" in each.message) == ("source" in each.message) == (each.pod == GUIDANCE)
        for each in day
    )


def test_a_teacher_has_about_as_many_events_as_the_rate_is_reckoned_with(day):
    assert len(day) / 12 == pytest.approx(EVENTS_PER_TEACHER, rel=0.1)


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.floats(0.1, 600),
)
def test_a_day_that_is_told_live_keeps_its_order_and_takes_as_long_as_it_shall(
    day, begins, seconds
):
    morning = day[:300]
    live = replay_live(morning, begins, seconds)
    assert [each.message["id"] for each in live] == [each.message["id"] for each in morning]
    assert [each.at for each in live] == sorted(each.at for each in live)
    assert live[0].at == begins
    assert (live[-1].at - begins).total_seconds() == pytest.approx(seconds, abs=1e-5)


def test_a_day_that_is_told_live_says_so_in_all_its_messages(day):
    live = replay_live(day, BEGINS, 30)
    for each in live:
        message = each.message
        assert abs((parse_time(message["event_time"]) - each.at).total_seconds()) < 0.001
        assert message["payload"].get("timestamp", message["event_time"]) == message["event_time"]


def test_telling_a_day_live_leaves_the_day_as_it_is(day):
    before = [each.message["event_time"] for each in day]
    replay_live(day, BEGINS, 30)
    assert [each.message["event_time"] for each in day] == before
