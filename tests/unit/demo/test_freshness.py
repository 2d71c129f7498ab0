import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.freshness import FolderRows, FreshnessPoller, Outages, Sample, quantile
from tests.support.waiting import wait_until


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1))
def test_a_quantile_is_a_value_that_its_share_of_the_values_does_not_exceed(values, share):
    found = quantile(share, values)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) <= share * len(values)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.99, 4), (1.0, 4)]
)
def test_a_quantile_is_one_of_the_values(share, expected):
    assert quantile(share, [1, 2, 3, 4]) == expected


def test_no_values_have_no_quantile():
    assert quantile(0.5, []) is None


def test_an_event_that_claims_to_be_later_than_its_commit_took_no_time():
    assert Sample(10.0, 9.0).seconds == 0


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (0.0, 9.9, False),
        (9.0, 11.0, True),
        (12.0, 13.0, True),
        (19.0, 21.0, True),
        (20.1, 29.9, False),
        (31.0, 32.0, True),
    ],
)
def test_an_outage_hits_what_waits_at_any_time_between_its_begin_and_the_recovery(
    begin, end, expected
):
    outages = Outages()
    outages.begin(10.0)
    outages.begin(15.0)
    outages.end(20.0)
    outages.end(25.0)
    outages.begin(30.0)
    assert outages.overlap(begin, end) is expected


def commit(folder, version, *actions):
    log = folder / "_delta_log"
    log.mkdir(exist_ok=True)
    (log / f"{version:020}.json").write_text("\n".join(map(json.dumps, actions)))


def add(folder, name, *times, data_change=True):
    times = [datetime.fromtimestamp(each, UTC) for each in times]
    column = pa.array(times, pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table({"event_time": column}), folder / name)
    return {"add": {"path": name.replace(" ", "%20"), "dataChange": data_change}}


def test_each_row_of_a_folder_is_sampled_once_and_not_again_when_its_file_is_rewritten(tmp_path):
    rows = FolderRows(tmp_path)
    assert [*rows.read()] == []
    commit(tmp_path, 0, {"metaData": {}})
    commit(tmp_path, 1, add(tmp_path, "a b", 1.0, 2.5))
    assert [each.event_at for each in rows.read()] == [1.0, 2.5]
    commit(tmp_path, 2, add(tmp_path, "c", 1.0, 2.5, data_change=False))
    commit(tmp_path, 3, add(tmp_path, "d", 4.0))
    (found,) = rows.read()
    assert found.event_at == 4.0
    assert found.visible_at == (tmp_path / "_delta_log" / f"{3:020}.json").stat().st_mtime


class FakeRows:
    def read(self):
        yield Sample(1.0, 2.0)
        yield Sample(1.0, 11.0)


def test_the_poller_marks_what_an_outage_delayed():
    outages = Outages()
    outages.begin(10.0)
    poller = FreshnessPoller(FakeRows(), outages)
    found = []
    wait_until(lambda: found.extend(poller.samples()) or len(found) >= 2, "samples are read")
    assert found[:2] == [Sample(1.0, 2.0), Sample(1.0, 11.0, in_outage=True)]
