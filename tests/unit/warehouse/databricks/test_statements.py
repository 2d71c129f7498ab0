import json
import re
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_schemas.tables import INGESTOR_POSITIONS, SESSION_EVENTS
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.databricks import statements
from classwaves_warehouse.databricks.statements import (
    DEDUP_MARGIN,
    dedup_window,
    split_into_payloads,
)
from tests.support.rows import MORNING, batch, event

HOUR_US = 3_600_000_000
TEXTS = [
    statements.insert_rows(2),
    statements.row_outcomes(1),
    statements.UPDATE_POSITIONS,
    statements.SELECT_POSITIONS,
    statements.ACCEPT_TOPIC_ID,
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_part_is_filled_in_and_json_is_parsed_strictly(text):
    assert "$" not in text
    tolerant = re.findall(r"from_json\(\s*:(?!partitions)\w+,\s*'[^']*'\s*\)", text)
    assert tolerant == []


def test_each_time_range_has_its_own_pair_of_parameters():
    assert set(re.findall(r":((?:from|until)_\d)", statements.insert_rows(2))) == {
        "from_0",
        "until_0",
        "from_1",
        "until_1",
    }
    assert set(re.findall(r":((?:from|until)_\d)", statements.row_outcomes(1))) == {
        "from_0",
        "until_0",
    }


def test_rows_are_inserted_by_the_column_names_of_the_contract():
    names = ", ".join(SESSION_EVENTS.column_names)
    assert f"INSERT ({names})" in statements.insert_rows(1)
    inserted = re.search(r"THEN INSERT \((.*?)\)", statements.UPDATE_POSITIONS, re.DOTALL)
    assert sorted(re.findall(r"\w+", inserted[1])) == sorted(INGESTOR_POSITIONS.column_names)


def test_a_batch_is_one_payload_with_times_in_microseconds():
    (one,) = split_into_payloads(
        batch(event("a", minutes=0.00001), event('b"\\', payload=None, offset=7))
    )
    rows = json.loads(one.rows_json)
    assert len(rows) == 2
    assert rows[0]["event_time"] == int(MORNING.timestamp() * 1_000_000) + 600
    assert (rows[1]["id"], rows[1]["payload"], rows[1]["kafka_offset"]) == ('b"\\', None, 7)


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
