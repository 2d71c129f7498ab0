"""The demo as seen from outside: its processes, and what a terminal shows of it."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time

DEMO = [sys.executable, "-m", "demo"]


def processes_of(folder):
    """Every process of a demo carries the folder's name in its environment."""
    listed = subprocess.run(
        ["ps", "axeww", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    return [
        line
        for line in listed.splitlines()
        if f"DEMO_FOLDER={folder}" in line and " Z" not in line[:20]
    ]


def gone_within(folder, seconds):
    deadline = time.monotonic() + seconds
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def size(terminal, lines, columns):
    """Let a terminal have so much room."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Shown:
    """What a terminal has been sent so far."""

    def __init__(self, terminal):
        self._terminal = terminal
        self._text = ""

    def wait_for(self, words, seconds=120):
        deadline = time.monotonic() + seconds
        while not re.search(words, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._text)):
            try:
                if select.select([self._terminal], [], [], 0.1)[0]:
                    self._text += os.read(self._terminal, 65_536).decode(errors="replace")
            except OSError:  # no process writes to it any more
                deadline = 0
            assert time.monotonic() < deadline, f"{words} was not shown:\n{self._text[-5000:]}"
