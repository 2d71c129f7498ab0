import pytest

from tests.support.hours_behaviour import HoursBehaviour


class TestDeltaHours(HoursBehaviour):
    @pytest.fixture
    def warehouse(self, delta):
        return delta
