"""Fixtures for tests of the rollup."""

import pytest

from classwaves_rollup.formulas import Formulas
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY
from tests.support.rollup.harness import NO_PAUSES, RollupHarness

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
    return {"formulas": formulas, "retry": NO_PAUSES}


@pytest.fixture
def quick_harness(quick):
    return RollupHarness(**quick)
