"""A real API server started by hack/cluster, and kubectl as one of its users."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from fakes.manifests import ROOT

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What kubectl ended with and printed."""

    code: int
    out: str
    err: str

    @property
    def is_forbidden(self) -> bool:
        return self.code != 0 and "(Forbidden)" in self.err

    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class User:
    """Calls kubectl; `name` is impersonated by the admin of the cluster, who is meant where it is empty."""

    program: Path
    kubeconfig: Path
    name: str = ""

    def named(self, name: str) -> "User":
        return User(self.program, self.kubeconfig, name)

    def __call__(self, *arguments: str | Path, stdin: object = None) -> Answer:
        """`stdin` may be an object, which is sent as JSON."""
        who = ["--as", self.name] if self.name else []
        cache = self.kubeconfig.parent / "kubectl-cache"
        command = [self.program, "--kubeconfig", self.kubeconfig, "--cache-dir", cache, *who, *arguments]
        text = "" if stdin is None else json.dumps(stdin)
        done = subprocess.run(list(map(str, command)), input=text, capture_output=True, text=True, timeout=120, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def done(self, *arguments: str | Path, stdin: object = None) -> str:
        """What a call printed that had to succeed."""
        answer = self(*arguments, stdin=stdin)
        assert answer.code == 0, answer.err
        return answer.out


@contextmanager
def cluster() -> Iterator[User]:
    """Its admin. Made for this test run, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="sealwright-") as made:
        folder = Path(made) / "cluster"
        up = [ROOT / "hack/cluster", "up", "--unsafe-no-fsync", folder]
        started = subprocess.run(up, capture_output=True, text=True, timeout=1500, check=False)
        try:
            assert started.returncode == 0, started.stdout + started.stderr
            program = next(word for word in started.stdout.split() if word.endswith("/kubectl"))
            yield User(Path(program), folder / "kubeconfig")
        finally:
            subprocess.run([ROOT / "hack/cluster", "down", folder], capture_output=True, timeout=60, check=False)


def environment(user: User) -> dict[str, str]:
    """For programs that call kubectl themselves."""
    return os.environ | {"KUBECONFIG": str(user.kubeconfig), "PATH": f"{user.program.parent}:{os.environ['PATH']}"}


def objects(text: str) -> list[Json]:
    return list(yaml.safe_load_all(text))
