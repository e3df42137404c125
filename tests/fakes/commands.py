"""Sealwright as a shell runs it: in this process where that is enough, as one of its own where that is the point."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from click.testing import CliRunner

from sealwright.cli import exits, root

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "runs"
EXAMPLES_CONFIG = ROOT / "examples" / "chains-config.yaml"

PROGRAM = (sys.executable, "-m", "sealwright")
# What decides how Sealwright looks or behaves must come from the test, not from whoever runs it.
_UNSET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "COSIGN_PASSWORD", "SEALWRIGHT_TRACEBACK", "PYTHONHASHSEED")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def told(self) -> str:
        """What stands on standard error."""
        return self.err.decode()


def run(*arguments: object, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ended:
    """A command through the program's own last door, in this process: quick, and nobody sits at a terminal."""
    return through_the_door(root, *arguments, stdin=stdin, env=env)


def through_the_door(command: Any, *arguments: object, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ended:
    """Any click command, ended as Sealwright ends its own."""
    was = sys.argv
    with CliRunner().isolation(input=stdin, env=dict.fromkeys(_UNSET) | dict(env or {})) as (out, err, _):
        sys.argv = ["sealwright", *map(str, arguments)]
        try:
            code = exits.run(command)
        except SystemExit as end:  # shell completion ends so
            code = int(end.code or 0)
        finally:
            sys.argv = was
        sys.stdout.flush()
        sys.stderr.flush()
        return Ended(code, out.getvalue(), err.getvalue())


def environment(**more: str) -> dict[str, str]:
    """The environment of a process of its own."""
    return {name: text for name, text in os.environ.items() if name not in _UNSET} | more


def process(*arguments: object, stdin: bytes = b"", cwd: Path | None = None, **env: str) -> Ended:
    """A command as a process of its own, to its end."""
    ended = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(**env),
        cwd=cwd,
        timeout=60,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def shell(script: str, *arguments: object, **env: str) -> Ended:
    """A line of bash, in which `$sealwright` is the program, and `$1`, `$2`, ... the arguments."""
    program = f'sealwright() {{ {shlex.quote(sys.executable)} -m sealwright "$@"; }}'
    line = f"{program}; {script.replace('$sealwright', 'sealwright')}"
    ended = subprocess.run(
        ["bash", "-c", line, "bash", *map(str, arguments)], capture_output=True, env=environment(**env), timeout=60, check=False
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


class Started:
    """A process that goes on: `until` waits for what it does, with a deadline, and ends with it."""

    def __init__(self, *arguments: object, log: Path, **env: str) -> None:
        self.log = log
        with log.open("wb") as said:
            command = [*PROGRAM, *map(str, arguments)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment(**env))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> bool:
        """Wait; false if the process ended first. Fails at the deadline."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self._has_ended(0.005):
                return condition()
            assert time.monotonic() < deadline, f"nothing came of it in {seconds} s; it said: {self.said}"
        return True

    def _has_ended(self, within_s: float) -> bool:
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def ended(self, seconds: float = 20.0) -> int:
        """Its exit code, which it must come to within this time."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """At once, and without a word (SIGKILL)."""
        self._process.kill()
        self._process.wait()
