import pytest

from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy
from tests.support.rollup_store_behaviour import RollupStoreBehaviour


class TestDeltaRollupStore(RollupStoreBehaviour):
    @pytest.fixture
    def warehouse(self, delta, open_delta):
        return open_delta(compaction=CompactionPolicy(min_files=2))
