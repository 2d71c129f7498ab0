import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_schemas.validation import Reason, explain
from demo.faults import Kind, MessageFaults, Target, random_faults, scheduled_kills
from demo.school_day import NAMES, PLAIN_PODS, SDK_PODS, SchoolDay, replay_live

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BEGINS = NOW - timedelta(minutes=1)
SECONDS = 30.0
DAY = replay_live(SchoolDay(seed=7, on=date(2025, 9, 15), teachers=12).events(), BEGINS, SECONDS)

seeds = st.integers(0, 2**32)
shares = st.floats(0, 1)
message_fault_rates = st.builds(
    MessageFaults, repeats=shares, late=shares, malformed=shares, personal=shares
)


@pytest.fixture(scope="module")
def deliveries():
    return MessageFaults().deliveries(DAY, BEGINS, SECONDS, seed=1)


@settings(max_examples=10)
@given(message_fault_rates, seeds)
def test_the_contract_refuses_what_was_spoilt_for_that_reason_and_nothing_else(
    message_faults, seed
):
    for each in message_faults.deliveries(DAY[:300], BEGINS, SECONDS, seed):
        rejection = explain(each.value, NOW)
        assert (rejection and rejection.reason) == each.reason


@settings(max_examples=10)
@given(message_fault_rates, seeds)
def test_every_event_of_the_day_is_sent_whatever_else_is(message_faults, seed):
    sent = message_faults.deliveries(DAY[:300], BEGINS, SECONDS, seed)
    assert {each.event_id for each in sent if each.reason is None} == {
        each.message["id"] for each in DAY[:300]
    }


@settings(max_examples=10)
@given(message_fault_rates, seeds, st.floats(1, 100))
def test_everything_is_due_within_the_day_and_in_order(message_faults, seed, seconds):
    due = [each.due for each in message_faults.deliveries(DAY[:300], BEGINS, seconds, seed)]
    assert due == sorted(due)
    assert due[0] >= 0
    assert due[-1] <= seconds


def test_without_mischief_a_day_is_sent_once_and_in_order():
    sent = MessageFaults(repeats=0, late=0, malformed=0, personal=0).deliveries(
        DAY, BEGINS, SECONDS, seed=1
    )
    assert [json.loads(each.value) for each in sent] == [each.message for each in DAY]


def test_every_process_works_out_the_same_deliveries(deliveries):
    assert MessageFaults().deliveries(DAY, BEGINS, SECONDS, seed=1) == deliveries


def test_some_of_the_plain_producers_events_are_repeated_byte_for_byte_and_later(deliveries):
    sent = Counter(each.event_id for each in deliveries if each.reason is None)
    repeated = [event_id for event_id, times in sent.items() if times == 2]
    plain = [each for each in DAY if each.pod in PLAIN_PODS]
    assert len(repeated) / len(plain) == pytest.approx(0.08, abs=0.02)
    for event_id in repeated:
        first, again = (
            each for each in deliveries if each.event_id == event_id and each.reason is None
        )
        assert again.value == first.value
        assert again.due > first.due or again.due == SECONDS


def test_a_repeat_may_come_from_another_plain_producer(deliveries):
    told_by = {each.message["id"]: each.pod for each in DAY}
    again = {
        each.pod
        for each in deliveries
        if each.reason is None and each.pod != told_by[each.event_id]
    }
    assert again == set(PLAIN_PODS)


def test_what_goes_by_the_sdk_is_neither_repeated_nor_malformed(deliveries):
    by_sdk = [each for each in deliveries if each.pod in SDK_PODS]
    assert {each.event_id for each in by_sdk} == {
        each.message["id"] for each in DAY if each.pod in SDK_PODS
    }
    assert len({each.event_id for each in by_sdk}) == len(by_sdk)
    assert not any(each.reason for each in by_sdk)


def test_some_are_out_of_order(deliveries):
    times = [json.loads(each.value)["event_time"] for each in deliveries if each.reason is None]
    assert times != sorted(times)


def test_a_day_has_every_kind_of_malformed_message(deliveries):
    assert {each.reason for each in deliveries} == {None, *Reason}


def test_some_messages_name_a_pupil(deliveries):
    named = [each for each in deliveries if each.value and b"studentName" in each.value]
    assert len(named) / len(deliveries) == pytest.approx(0.05, abs=0.02)
    assert all(any(name.encode() in each.value for name in NAMES) for each in named)


@given(st.integers(0, 2**32), st.floats(1, 600), st.floats(1, 60))
def test_incidents_follow_each_other_and_end_within_the_day(seed, seconds, every):
    faults = list(random_faults(Random(seed), seconds, every))
    assert len(faults) == int(seconds // every)
    assert all(0 <= each.begin_at < each.end_at <= seconds for each in faults)
    assert all(before.end_at <= after.begin_at for before, after in pairwise(faults))


@given(st.integers(0, 2**32))
def test_a_soak_has_each_kind_of_fault_equally_often(seed):
    faults = Counter((each.target, each.kind) for each in random_faults(Random(seed), 420, 20))
    assert faults == {
        (Target.CONSUMER, Kind.KILL): 6,
        (Target.CONSUMER, Kind.FREEZE): 3,
        (Target.CONSUMER, Kind.FULL_DISK): 3,
        (Target.PRODUCER, Kind.KILL): 3,
        (Target.BROKER, Kind.KILL): 3,
        (Target.NETWORK, Kind.CUT): 3,
    }


@given(st.floats(1, 600))
def test_the_script_kills_one_of_each_and_brings_all_back_within_half_the_day(seconds):
    script = {each.target: each for each in scheduled_kills(seconds)}
    assert script.keys() == {Target.CONSUMER, Target.PRODUCER, Target.BROKER}
    assert all(0 < each.begin_at < each.end_at < seconds / 2 for each in script.values())


@given(st.floats(1, 600))
def test_the_scripts_producer_dies_while_there_is_no_broker(seconds):
    script = {each.target: each for each in scheduled_kills(seconds)}
    assert (
        script[Target.BROKER].begin_at
        < script[Target.PRODUCER].begin_at
        < script[Target.BROKER].end_at
    )
