import pytest

from tests.support.rollup.alike import differing
from tests.support.rollup.asking import homeless, rolled
from tests.support.rollup.golden import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_hour_is_what_was_computed_by_hand(case):
    assert not differing(rolled(case.given, rates=case.rates), case.expected)
    assert homeless(case.given) == case.homeless
