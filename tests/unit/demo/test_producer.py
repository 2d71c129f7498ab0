import os
import signal
import subprocess
import sys
from contextlib import closing

from classwaves_schemas.validation import Reason
from demo.faults import Delivery
from demo.producer import Answer, Journal

DELIVERY = Delivery(0.0, "pod-1", {"session_id": "s1", "id": "a"})

DYING = """
import os, pathlib, signal, sys
from demo.faults import Delivery
from demo.producer import Answer, Journal
Journal(pathlib.Path(sys.argv[1])).write(Delivery(0.0, "pod-1", {"session_id": "s1", "id": "b"}),
Answer.RETURNED)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_journal_says_what_was_answered(tmp_path):
    with closing(Journal(tmp_path / "pod-1.csv")) as journal:
        journal.write(DELIVERY, Answer.ACKNOWLEDGED)
        journal.write(Delivery(0.0, "pod-1", DELIVERY.message, Reason.TOMBSTONE), Answer.REFUSED)
    assert (tmp_path / "pod-1.csv").read_text().splitlines() == [
        "s1,a,,acknowledged",
        "s1,a,tombstone,refused",
    ]
    assert journal.refused == 1


def test_what_was_written_survives_a_kill_and_the_next_process_knows_it(tmp_path):
    path = tmp_path / "pod-1.csv"
    killed = subprocess.run([sys.executable, "-c", DYING, path], check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    with closing(Journal(path)) as journal:
        assert journal.known == {"b"}
        journal.write(DELIVERY, Answer.INTENDED)
    assert path.read_text().splitlines() == ["s1,b,,returned", "s1,a,,intended"]
