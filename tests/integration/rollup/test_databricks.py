"""An hour and a look on Databricks SQL: the statements are the same, and so is what they come to."""

import pytest

from classwaves_rollup.run import State
from classwaves_schemas.tables import CLASSROOM_SESSIONS, SESSION_METRICS
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from tests.support.school import TEN, School, at, told


@pytest.fixture
def school(databricks):
    databricks.drop_tables()
    warehouse = DatabricksWarehouse(DatabricksSettings.from_environment(databricks.environment))
    warehouse.tables.migrate()
    yield School(warehouse)
    databricks.drop_tables()


def whole(table, **columns):
    """A row that has something in each column that must not be NULL."""
    plain = {"STRING": "x", "INT": 0, "BOOLEAN": False, "TIMESTAMP": at(0), "DECIMAL(5,2)": 0}
    return {
        column.name: plain[column.type] for column in table.columns if not column.nullable
    } | columns


@pytest.mark.timeout(600)  # Spark on a busy machine
def test_an_hour_is_computed_and_what_comes_late_makes_it_dirty(school):
    early = [
        told("s1", "started", 50),
        told("s1", "ended", 80),
        told("s2", "started", 10, school_id=None),
    ]
    late = whole(
        SESSION_METRICS, session_id="s1", calculation_timestamp=at(85), overall_engagement_score=50
    )
    room = whole(CLASSROOM_SESSIONS, id="s2", school_id="school-2", updated_at=at(90))
    school.tell(*early)
    (run,) = school.compute(TEN)
    assert (run.state, run.error, run.hourly_rows, run.events_without_school) == (
        State.DONE,
        None,
        1,
        1,
    )
    school.tell(told("s3", "member_join", 70))
    assert school.dirty() == []
    school.tell(late, table=SESSION_METRICS)
    school.tell(room, table=CLASSROOM_SESSIONS)
    assert school.dirty() == [TEN]
    school.compute(TEN)
    here = School()
    here.tell(*early)
    here.tell(late, table=SESSION_METRICS)
    here.tell(room, table=CLASSROOM_SESSIONS)
    here.compute(TEN)
    assert school.rows() == here.rows()
