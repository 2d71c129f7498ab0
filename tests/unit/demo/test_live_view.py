import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from demo.freshness import Sample
from demo.ledger_poller import LedgerTotals
from demo.live_view import LiveView
from demo.readings import History, PodReading, Reading, State

BEGINS = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SAID = [(BEGINS + timedelta(seconds=second), f"Thing {second} happened.") for second in range(100)]


def reading(**changes):
    return Reading(
        **{
            "at": 0.0,
            "emitted": 10_000,
            "ends": {0: 7_000, 1: 8_000},
            "ledger": LedgerTotals(
                {0: 6_900, 1: 6_000}, 12_345, 321, {"not_json": 7, "tombstone": 11}
            ),
            "samples": [Sample(0.0, 0.25), Sample(0.0, 7.5, in_outage=True)],
            "consumers": [
                PodReading("consumer-1", 4_194_303, State.READY, lags={0: 100}),
                PodReading("consumer-2", None, State.DOWN),
            ],
            "publishers": [
                PodReading("websocket-handler-1", 4_194_302, State.READY, spooled=99, adopted=844)
            ],
            "plain": [PodReading("guidance-handler-1", 4_194_301, State.DONE)],
            "broker_up": True,
            **changes,
        }
    )


def drawn(width, height, *readings, announced=SAID, keys=True):
    history = History()
    for each in readings:
        history.add(each)
    console = Console(width=width, height=height, file=io.StringIO(), color_system=None)
    view = LiveView(
        product="Apache Kafka",
        day_seconds=30,
        begins=BEGINS,
        now=BEGINS + timedelta(seconds=12),
        history=history,
        announced=announced,
        keys=keys,
    )
    options = console.options.update(width=width, height=height)
    return [
        "".join(segment.text for segment in line)
        for line in console.render_lines(view, options, pad=False)
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_it_fills_the_screen_to_the_line_and_no_further(width, height):
    lines = drawn(width, height, reading())
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    assert "kill consumer" in lines[-1]


def test_eighty_columns_and_twenty_four_lines_hold_all_that_there_is_to_see():
    text = "\n".join(drawn(80, 24, reading()))
    for words in (
        "12 of 30 s",
        "Apache Kafka  up",
        "10,000",
        "15,000",
        "12,345",
        "1 partitions",
        "DOWN",
        "spool 99 +844 adopted",
        "done",
        "unread",
        "2,000",
        "duplicates 321",
        "p50 0.25 s  p99 0.25 s  in faults up to 7.50 s",
        "tombstone 11, not_json 7",
        "Thing 99 happened.",
        "end the day",
    ):
        assert words in text


def test_the_latest_happenings_take_the_room_that_is_left():
    few, many = drawn(80, 24, reading()), drawn(80, 40, reading())
    assert (
        sum("happened." in line for line in many) == sum("happened." in line for line in few) + 16
    )


def test_a_partition_without_an_owner_is_as_far_behind_as_is_known():
    assert reading().lags == {0: 100, 1: 2_000}


def test_a_broker_that_is_away_is_seen():
    assert "Apache Kafka  DOWN" in "\n".join(drawn(80, 24, reading(broker_up=False)))


def test_no_keys_are_offered_where_none_are_heard():
    assert drawn(80, 24, reading(), keys=False)[-1].startswith("Ctrl-C stops")


def test_there_is_something_to_see_before_the_first_reading():
    assert len(drawn(80, 24)) == 24


def test_reasons_for_which_there_is_no_room_are_left_out_whole():
    dead_letters = {f"reason_number_{number}": 1 for number in range(15)}
    lines = drawn(80, 24, reading(ledger=LedgerTotals({0: 0, 1: 0}, 0, 0, dead_letters)))
    line = next(line for line in lines if "dead letters" in line)
    assert len(line) <= 80
    assert line.rstrip().endswith("1, …")
