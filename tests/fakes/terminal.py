"""A terminal with somebody at it: what a command prints there, escape sequences and all."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from typing import Literal

from fakes.commands import PROGRAM, environment

Stream = Literal["stdout", "stderr"]


def shown(*arguments: object, on: tuple[Stream, ...] = ("stdout", "stderr"), columns: int = 160, **env: str) -> str:
    """What a terminal that is the command's `on` gets; other streams go nowhere."""
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        streams = {name: follower if name in on else subprocess.DEVNULL for name in ("stdout", "stderr")}
        started = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, env=environment(TERM="xterm-256color", **env), **streams
        )
        os.close(follower)
        with started:
            return b"".join(iter(lambda: _read(terminal), b"")).decode()


def _read(terminal: object) -> bytes:
    """Some of what was printed; nothing once nobody prints any more, which Linux says by an error."""
    try:
        return terminal.read(65536)  # type: ignore[attr-defined]
    except OSError:
        return b""
