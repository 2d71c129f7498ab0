from datetime import UTC, datetime, timedelta, timezone

from classwaves_runtime.clock import Clock, ManualClock, SystemClock


def test_a_manual_clock_moves_only_when_advanced():
    clock: Clock = ManualClock(datetime(2025, 9, 15, 16, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == clock.now() == datetime(2025, 9, 15, 14, tzinfo=UTC)
    clock.advance(90)
    assert clock.now() == datetime(2025, 9, 15, 14, 1, 30, tzinfo=UTC)
    assert clock.monotonic() == 90


def test_the_time_of_a_manual_clock_is_in_utc():
    assert (
        ManualClock(datetime(2025, 9, 15, 16, tzinfo=timezone(timedelta(hours=2)))).now().tzinfo
        is UTC
    )


def test_the_system_clock_is_aware_and_does_not_go_back():
    clock: Clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()
