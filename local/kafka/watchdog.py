"""Ends a process when its parent is gone, also after SIGKILL of the parent."""

import os
import subprocess

# Reads until the pipe closes. Only the parent holds its other end, and the kernel closes that
# even after SIGKILL.
_SCRIPT = 'cat; kill -KILL "$0" 2>/dev/null'


def watch(pid: int) -> "subprocess.Popen[bytes]":
    """Start a process that sends SIGKILL to `pid` as soon as this process ends.

    PR_SET_PDEATHSIG does not serve: only Linux has it, and it follows the starting thread, not
    the process.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        cwd=os.sep,
    )


def dismiss(watchdog: "subprocess.Popen[bytes]") -> None:
    """End the watchdog and leave the watched process alone."""
    watchdog.kill()
    watchdog.communicate()
