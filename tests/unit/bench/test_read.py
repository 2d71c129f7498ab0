import pytest

from bench.errors import WrongResult
from bench.read import build, dashboards, session_id, timelines, timelines_before


def test_all_reads_find_the_rows_that_were_built(tmp_path):
    folder = str(tmp_path)
    build(folder, sessions=3, schools=2, days=30)
    sessions = [session_id(number) for number in range(3)]
    assert timelines(folder, sessions)[0].reads == 3
    assert timelines_before(folder, sessions[:1])[0].reads == 1
    assert dashboards(folder, schools=2, days=30, span=30, reads=2).reads == 2
    with pytest.raises(WrongResult, match="0 rows instead of 250"):
        timelines(folder, ["unknown"])
