"""cosign 3, as a program: SEALWRIGHT_COSIGN is its path. It is given no network to use."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

BLOB = b"what was built\n"
STATEMENT = (
    b'{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"blob","digest":{"sha256":'
    b'"%s"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{},"runDetails":{}}}'
)

Run = Callable[..., subprocess.CompletedProcess[str]]


def program(directory: Path) -> Run:
    """Runs cosign in a directory."""
    path = os.environ.get("SEALWRIGHT_COSIGN")
    if path is None:
        pytest.fail("SEALWRIGHT_COSIGN is not set: it must be the path of a cosign 3 program")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(directory), "COSIGN_YES": "true"}
        return subprocess.run(
            [path, *arguments], cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def believes(directory: Path, envelope: bytes, *trust: str) -> str:
    """Empty if cosign believes that the envelope speaks of BLOB, else what it says."""
    (directory / "envelope.json").write_bytes(envelope)
    (directory / "blob").write_bytes(BLOB)
    ended = program(directory)(
        "verify-blob-attestation",
        *trust,
        "--insecure-ignore-tlog=true",
        "--type=slsaprovenance1",
        "--signature=envelope.json",
        "blob",
    )
    if ended.returncode == 0:
        assert "Verified OK" in ended.stdout + ended.stderr
        return ""
    return ended.stderr
