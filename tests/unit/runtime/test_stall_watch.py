import logging
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime

from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import STALL_SECONDS, Health, stall_watch, thread_stacks


def test_stacks_name_each_thread_and_what_it_does():
    inside, done = threading.Event(), threading.Event()

    def waits_for_a_table():
        inside.set()
        done.wait()

    thread = threading.Thread(target=waits_for_a_table, name="ledger_0")
    thread.start()
    inside.wait()
    try:
        found = thread_stacks()
    finally:
        done.set()
        thread.join()
    assert "Thread ledger_0:" in found
    assert "waits_for_a_table" in found
    assert "Thread MainThread:" in found


def test_a_stall_is_logged_once_with_all_stacks_and_again_at_the_next_stall(caplog):
    clock = ManualClock(datetime(2026, 9, 1, tzinfo=UTC))
    health = Health(clock)
    logged = threading.Event()

    class SetEvent(logging.Handler):
        def emit(self, _record):
            logged.set()

    handler = SetEvent(logging.ERROR)
    logging.getLogger("classwaves_runtime.health").addHandler(handler)
    try:
        with stall_watch(health, interval_seconds=0.01):
            for _ in range(2):
                clock.advance(STALL_SECONDS)
                assert logged.wait(10)
                logged.clear()
                assert not logged.wait(0.1)
                health.heartbeat()
                assert not logged.wait(0.1)
    finally:
        logging.getLogger("classwaves_runtime.health").removeHandler(handler)
    assert [record.message for record in caplog.records] == ["The main loop is stuck"] * 2
    assert "Thread MainThread:" in caplog.records[0].stacks


def test_sigquit_writes_the_stacks_of_a_process_that_is_stuck_in_native_code():
    program = (
        "import sys, threading\n"
        "from classwaves_runtime.health import dump_stacks_on_sigquit\n"
        "dump_stacks_on_sigquit()\n"
        "lock = threading.Lock(); lock.acquire()\n"
        "def stuck_here():\n    print('stuck', flush=True); lock.acquire()\n"
        "stuck_here()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        os.kill(process.pid, signal.SIGQUIT)
        written = process.stderr.readline().decode()
        while "stuck_here" not in written:
            line = process.stderr.readline().decode()
            assert line, written
            written += line
        process.kill()
        process.communicate()
