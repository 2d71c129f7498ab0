import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_warehouse.batch import Batch
from classwaves_warehouse.databricks import parcel
from classwaves_warehouse.databricks.parcel import parcels
from classwaves_warehouse.databricks.reach import DAY, reach
from tests.support.rows import MORNING, batch, event

HOUR_US = 3_600_000_000


def test_a_batch_is_one_parcel_whose_times_are_microseconds():
    (one,) = parcels(batch(event("a", minutes=0.00001), event('b"\\', payload=None)))
    rows = json.loads(one.text)
    assert one.count == 2
    assert rows[0]["event_time"] == int(MORNING.timestamp() * 1_000_000) + 600
    assert (rows[1]["id"], rows[1]["payload"], rows[1]["kafka_offset"]) == ('b"\\', None, 0)


def test_an_empty_batch_makes_no_parcel():
    assert list(parcels(batch())) == []


def test_a_batch_that_is_too_long_for_a_statement_is_cut_between_rows(monkeypatch):
    monkeypatch.setattr(parcel, "_MOST_BYTES", 1000)
    rows = [event(str(n), payload="x" * 400, minutes=n) for n in range(5)]
    found = list(parcels(batch(*rows, event("long", payload="x" * 5000))))
    assert [row["id"] for each in found for row in json.loads(each.text)] == [*"01234", "long"]
    assert all(each.count == len(json.loads(each.text)) for each in found)
    assert all(len(each.text) <= 1100 for each in found[:-1])
    assert found[0].stretches[0][0] == MORNING - DAY


def test_each_parcel_reaches_the_repeats_of_its_whole_batch(monkeypatch):
    monkeypatch.setattr(parcel, "_MOST_BYTES", 1000)
    far = event("a", payload="x" * 800, event_time=MORNING.replace(year=2000))
    one, other = parcels(batch(event("a", payload="x" * 800), far))
    assert one.stretches == other.stretches
    assert len(one.stretches) == 2


def test_a_full_batch_of_believable_rows_and_one_more_poll_go_into_one_statement():
    """Whose default size is in `ingestor.settings`."""
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
    assert len(list(parcels(Batch(pa.concat_tables([rows] * (1 + (size + 5000) // 1000)))))) == 1


def test_one_absurd_time_makes_a_stretch_of_its_own():
    lost = event("lost", event_time=MORNING.replace(year=2000))
    (one,) = parcels(batch(event("a"), lost, event("b", minutes=60)))
    early, late = one.stretches
    assert early == (MORNING.replace(year=2000) - DAY, MORNING.replace(year=2000) + DAY)
    assert late == (MORNING - DAY, MORNING + timedelta(hours=1) + DAY)


@settings(deadline=None)
@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=50))
def test_stretches_are_few_and_ascending_and_reach_a_day_around_each_time(hours):
    times = np.array(hours, dtype=np.int64) * HOUR_US
    found = reach(times)
    assert 1 <= len(found) <= 4
    edges = [moment for stretch in found for moment in stretch]
    assert edges == sorted(edges)
    for moment in pa.array(times, pa.timestamp("us", "UTC")).to_pylist():
        assert any(first <= moment - DAY and moment + DAY <= last for first, last in found)
