"""SIGTERM and SIGINT: the first requests a stop, the second ends the process at once."""

import _thread
import signal
from threading import Event
from types import FrameType

_STOPPING = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> Event:
    """Return an event that the first SIGTERM or SIGINT sets. Call this on the main thread.

    After the first signal both signals have their default action: they end the process.
    """
    stop = Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        # Event.set needs a lock that the interrupted Event.wait of this thread may hold.
        # Another thread can wait for it.
        _thread.start_new_thread(stop.set, ())

    for number in _STOPPING:
        signal.signal(number, on_signal)
    return stop
