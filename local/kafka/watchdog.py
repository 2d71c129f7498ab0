"""Ends a process when the one that started it is gone, however it went."""

import os
import subprocess

# Reads until the pipe closes. Only we hold its other end, and the kernel closes that even after SIGKILL.
_SCRIPT = 'cat; kill -KILL "$0" 2>/dev/null'


def watch(pid: int) -> "subprocess.Popen[bytes]":
    """Start the process that sends SIGKILL to `pid` as soon as this process ends.

    Not PR_SET_PDEATHSIG: only Linux has it, and it follows the thread, not the process.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        cwd=os.sep,
    )


def dismiss(watchdog: "subprocess.Popen[bytes]") -> None:
    """End the watch without harm to the watched."""
    watchdog.kill()
    watchdog.communicate()
