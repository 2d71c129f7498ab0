import sys
import threading

import pytest

from classwaves_ingestor.producer.locks import Wakeup, held_within


@pytest.fixture
def finalizing(monkeypatch):
    """Make this look like the end of the interpreter."""
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)


def test_a_free_lock_is_held_and_released():
    lock = threading.Lock()
    with held_within(lock, 1) as held:
        assert held
        assert lock.locked()
    assert not lock.locked()


def test_after_the_timeout_the_work_continues_without_the_lock():
    lock = threading.Lock()
    with lock, held_within(lock, -1) as held:
        assert not held
    assert not lock.locked()


def test_at_the_end_of_the_interpreter_nobody_waits_for_a_lock(finalizing):
    lock = threading.Lock()
    with lock, held_within(lock, 1e6) as held:
        assert not held


def test_a_wakeup_ends_the_wait_of_another_thread():
    wakeup, woken = Wakeup(), []
    thread = threading.Thread(target=lambda: woken.append(wakeup.wait(60)))
    thread.start()
    wakeup.wake()
    thread.join()
    assert woken == [True]


def test_any_number_of_wakeups_ends_one_wait():
    wakeup = Wakeup()
    for _ in range(3):
        wakeup.wake()
    assert wakeup.wait(0)
    assert not wakeup.wait(0)


def test_a_wakeup_that_another_thread_overtakes_is_no_error():
    wakeup = Wakeup()

    class Overtaken:
        def locked(self):
            return True

        def release(self):
            raise RuntimeError("release unlocked lock")

    wakeup._asleep = Overtaken()
    wakeup.wake()


def test_at_the_end_of_the_interpreter_no_wakeup_is_awaited(finalizing):
    assert not Wakeup().wait(1e6)
