"""The demo on a SQL warehouse that holds rows of an earlier run, in a terminal."""

import os
import pty
import subprocess

from tests.e2e.screen import DEMO, Shown, size


def test_the_demo_shows_and_proves_itself_on_a_sql_warehouse_that_others_have_used(
    kafka, empty_databricks, tmp_path
):
    with (
        empty_databricks.connect(catalog="classwaves", schema="analytics") as before,
        before.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO session_events (id, session_id, teacher_id, event_type, event_time, "
            "kafka_topic_id, "
            "kafka_partition, kafka_offset) VALUES ('a', 's', 't', 'started', "
            "current_timestamp(), 'earlier', 0, 0)"
        )
    environ = {
        **os.environ,
        **empty_databricks.environment,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "TERM": "xterm-256color",
        "DEMO_SECONDS": "8",
        "DEMO_FOLDER": str(tmp_path / "demo"),
    }
    terminal, end = pty.openpty()
    size(end, lines=24, columns=80)
    with subprocess.Popen(
        DEMO, env=environ, stdin=end, stdout=end, stderr=end, start_new_session=True
    ) as running:
        os.close(end)
        shown = Shown(terminal)
        shown.wait_for(r"stored in table +[1-9]")
        shown.wait_for(r"SIGKILL: consumer-\d")
        shown.wait_for(r"missing 0, twice 0", 300)
        shown.wait_for(r"Proven: no event is missing, no event is stored twice\.")
        assert running.wait(30) == 0
    os.close(terminal)
