from threading import Event

from classwaves_rollup.backfill import Backfill
from classwaves_rollup.hour import HourRun
from classwaves_rollup.rates import Rates
from classwaves_rollup.run import State
from tests.support.school import HOUR, INGESTION, TEN, School, told


def test_the_position_of_its_look_is_kept_with_its_runs(quick):
    school = School()
    school.tell(told("s1", "started", 10))

    def opened():
        return HourRun(school.warehouse.hours(), INGESTION, Rates(), school.clock)

    work = Backfill(opened, school.look, 2, Event())
    hours = [TEN, TEN + HOUR]
    results = dict(work.results(hours, work.looked()))
    assert {run.state for run in results.values()} == {State.DONE}
    assert school.runs.examined == school.look.examined
    assert school.runs.examined["analytics.session_events"] == 1
