"""SIGTERM and SIGINT: the first asks a process to stop, the second ends it at once."""

import _thread
import signal
from threading import Event
from types import FrameType

_STOPPING = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> Event:
    """An event that the first SIGTERM or SIGINT sets. Call it on the main thread.

    From then on both signals have their default action again: the process ends.
    """
    stop = Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_DFL)
        # Event.set takes a lock that the interrupted Event.wait of this thread may hold. Another thread can wait.
        _thread.start_new_thread(stop.set, ())

    for number in _STOPPING:
        signal.signal(number, on_signal)
    return stop
