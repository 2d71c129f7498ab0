"""What tests of the rollup share."""

import pytest
from tenacity import wait_none

from classwaves_rollup import hour
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY


@pytest.fixture
def quick(monkeypatch):
    """Statements that find nothing: most of a small hour's time goes into planning the real ones."""
    nothing = ", ".join(
        f"CAST(NULL AS {column.type}) AS {column.name}" for column in ROLLUP_FACTS_HOURLY.columns
    )
    monkeypatch.setattr(hour, "facts_statement", lambda present: f"SELECT {nothing} WHERE FALSE")
    monkeypatch.setattr(
        hour, "without_school_statement", lambda present: "SELECT 0 AS events_without_school"
    )
    monkeypatch.setattr(hour, "_PAUSE", wait_none())
