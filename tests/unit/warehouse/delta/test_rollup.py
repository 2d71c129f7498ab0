import pytest

from tests.support.rollup_store_behaviour import RollupStoreBehaviour


class TestDeltaRollupStore(RollupStoreBehaviour):
    @pytest.fixture
    def warehouse(self, delta):
        return delta
