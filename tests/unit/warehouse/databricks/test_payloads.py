import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_warehouse.batch import Batch
from classwaves_warehouse.databricks.statements import (
    DEDUP_MARGIN,
    dedup_window,
    split_into_payloads,
)
from tests.support.rows import MORNING, batch, event

HOUR_US = 3_600_000_000


def test_a_batch_is_one_payload_with_times_in_microseconds():
    (one,) = split_into_payloads(batch(event("a", minutes=0.00001), event('b"\\', payload=None)))
    rows = json.loads(one.rows_json)
    assert len(rows) == 2
    assert rows[0]["event_time"] == int(MORNING.timestamp() * 1_000_000) + 600
    assert (rows[1]["id"], rows[1]["payload"], rows[1]["kafka_offset"]) == ('b"\\', None, 0)


def test_an_empty_batch_has_no_payload():
    assert list(split_into_payloads(batch())) == []


def test_a_batch_that_is_too_long_for_a_statement_is_split_between_rows():
    rows = [event(str(n), payload="x" * 400, minutes=n) for n in range(5)]
    long = event("long", payload="x" * 5000)
    found = list(split_into_payloads(batch(*rows, long), max_bytes=1000))
    assert [row["id"] for each in found for row in json.loads(each.rows_json)] == [*"01234", "long"]
    assert all(len(each.rows_json) <= 1100 for each in found[:-1])
    assert found[0].window[0].first == MORNING - DEDUP_MARGIN


def test_each_payload_has_the_dedup_window_of_its_whole_batch():
    far = event("a", payload="x" * 800, event_time=MORNING.replace(year=2000))
    one, other = split_into_payloads(batch(event("a", payload="x" * 800), far), max_bytes=1000)
    assert one.window == other.window
    assert len(one.window) == 2


def test_a_full_batch_of_typical_rows_and_one_more_poll_fit_into_one_statement():
    """The default size of a batch is set in `classwaves_ingestor.settings`."""
    full = {
        "school_id": "s" * 36,
        "source": "w" * 50,
        "sequence": 1,
        "schema_version": 1,
        "payload": '{"a":"b"}' * 20,
    }
    names = {"session_id": "s" * 36, "teacher_id": "t" * 36, "kafka_topic_id": "k" * 22}
    rows = batch(
        *(event(f"{n:036}", minutes=n / 600, offset=n, **full, **names) for n in range(1000))
    ).rows
    size = 2 * 1024 * 1024 * 1000 // rows.nbytes
    assert (
        len(
            list(split_into_payloads(Batch(pa.concat_tables([rows] * (1 + (size + 5000) // 1000)))))
        )
        == 1
    )


def test_one_absurd_time_has_a_range_of_its_own():
    lost = event("lost", event_time=MORNING.replace(year=2000))
    (one,) = split_into_payloads(batch(event("a"), lost, event("b", minutes=60)))
    early, late = one.window
    assert early == (
        MORNING.replace(year=2000) - DEDUP_MARGIN,
        MORNING.replace(year=2000) + DEDUP_MARGIN,
    )
    assert late == (MORNING - DEDUP_MARGIN, MORNING + timedelta(hours=1) + DEDUP_MARGIN)


@settings(deadline=None)
@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=50))
def test_ranges_are_few_and_ascending_and_cover_a_day_around_each_time(hours):
    times = np.array(hours, dtype=np.int64) * HOUR_US
    found = dedup_window(times)
    assert 1 <= len(found) <= 4
    edges = [moment for time_range in found for moment in time_range]
    assert edges == sorted(edges)
    for moment in pa.array(times, pa.timestamp("us", "UTC")).to_pylist():
        assert any(
            first <= moment - DEDUP_MARGIN and moment + DEDUP_MARGIN <= last
            for first, last in found
        )
