"""An hour and a scan on Databricks SQL give the results of the embedded warehouse."""

import pytest

from classwaves_rollup.run_log import State
from classwaves_schemas.tables import CLASSROOM_SESSIONS, SESSION_METRICS
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from tests.support.rollup.harness import TEN, RollupHarness, at, event_row


@pytest.fixture
def harness(databricks):
    databricks.drop_tables()
    warehouse = DatabricksWarehouse(DatabricksSettings.from_environment(databricks.environment))
    warehouse.tables.migrate()
    yield RollupHarness(warehouse)
    databricks.drop_tables()


def complete_row(table, **columns):
    """A row with a value in each column that must not be NULL."""
    plain = {"STRING": "x", "INT": 0, "BOOLEAN": False, "TIMESTAMP": at(0), "DECIMAL(5,2)": 0}
    return {
        column.name: plain[column.type] for column in table.columns if not column.nullable
    } | columns


@pytest.mark.timeout(600)  # Spark on a busy machine
def test_an_hour_is_computed_and_late_data_makes_it_dirty(harness):
    early = [
        event_row("s1", "started", 50),
        event_row("s1", "ended", 80),
        event_row("s2", "started", 10, school_id=None),
    ]
    late = complete_row(
        SESSION_METRICS, session_id="s1", calculation_timestamp=at(85), overall_engagement_score=50
    )
    room = complete_row(CLASSROOM_SESSIONS, id="s2", school_id="school-2", updated_at=at(90))
    harness.add(*early)
    (run,) = harness.compute(TEN)
    assert (run.state, run.error, run.hourly_rows, run.events_without_school) == (
        State.DONE,
        None,
        1,
        1,
    )
    harness.add(event_row("s3", "member_join", 70))
    assert harness.mark_late_data() == []
    harness.add(late, table=SESSION_METRICS)
    harness.add(room, table=CLASSROOM_SESSIONS)
    assert harness.mark_late_data() == [TEN]
    harness.compute(TEN)
    here = RollupHarness()
    here.add(*early)
    here.add(late, table=SESSION_METRICS)
    here.add(room, table=CLASSROOM_SESSIONS)
    here.compute(TEN)
    assert harness.rows() == here.rows()
