import shutil
from datetime import timedelta

import pytest

from classwaves_runtime.clock import ManualClock
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, SESSION_EVENTS, TABLES
from classwaves_warehouse.delta.file_groups import CompactionPolicy
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.interface import TableUpkeep
from tests.support.rows import MORNING
from tests.support.upkeep_behaviour import COMMITS, UpkeepBehaviour, fill
from tests.support.warehouse_faults import strike_at


@pytest.fixture
def clock():
    return ManualClock(MORNING + timedelta(hours=12))


class TestDeltaUpkeep(UpkeepBehaviour):
    @pytest.fixture
    def warehouse(self, delta, open_delta, clock):
        return open_delta(compaction=CompactionPolicy(min_files=2), clock=clock)


def test_the_report_of_a_table_has_all_counts(delta, open_delta, clock, outside):
    fill(delta)
    warehouse = open_delta(
        compaction=CompactionPolicy(min_files=2, max_files=4, max_groups=2), clock=clock
    )
    upkeep = warehouse.upkeep()
    events, *others = upkeep.run_once()
    assert events == TableUpkeep(
        SESSION_EVENTS.qualified_name,
        files_before=COMMITS,
        files_after=COMMITS - 6,
        groups=2,
        rows=16,
        bytes=events.bytes,
        unfinished=True,
    )
    assert others == [TableUpkeep(table.qualified_name, 0, 0) for table in TABLES[1:]]
    assert upkeep.run_once()[0].unfinished is False


def test_a_lost_group_is_counted_and_the_next_one_is_rewritten(
    delta, open_delta, clock, outside, monkeypatch
):
    fill(delta)
    warehouse = open_delta(compaction=CompactionPolicy(min_files=2, max_files=5), clock=clock)
    strike_at(monkeypatch, "upkeep-written")(lambda: outside().delete("id = '0-b'"))
    report = warehouse.upkeep().run_once()[0]
    assert (report.lost, report.groups) == (1, 1)


def test_missing_tables_have_no_report(tmp_path, root):
    assert DeltaWarehouse(str(tmp_path)).upkeep().run_once() == []
    DeltaWarehouse(str(tmp_path)).tables.migrate()
    shutil.rmtree(root.url_of(ROLLUP_FACTS_HOURLY))
    assert len(DeltaWarehouse(str(tmp_path)).upkeep().run_once()) == 3
