"""Fixtures for tests of the rollup."""

import pytest
from tenacity import wait_none

from classwaves_rollup.formulas import Formulas
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY
from tests.support.rollup.harness import RollupHarness

_COLUMNS = ", ".join(
    f"CAST(NULL AS {column.type}) AS {column.name}" for column in ROLLUP_FACTS_HOURLY.columns
)


@pytest.fixture
def quick():
    """Options of an HourComputer: no pauses, and statements that give no rows but plan faster."""
    formulas = Formulas(
        facts=lambda present: f"SELECT {_COLUMNS} WHERE FALSE",
        without_school=lambda present: "SELECT 0 AS events_without_school",
    )
    return {"formulas": formulas, "pause": wait_none()}


@pytest.fixture
def quick_harness(quick):
    return RollupHarness(**quick)
