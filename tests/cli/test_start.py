"""What a start loads: help is quick because it loads little, and the heavy libraries wait until a setting names them."""

import json
import subprocess
import sys

import pytest
from fakes import commands, folders

# What makes help slow; each is for one kind of command.
SLOW = {"cryptography", "nacl", "yaml", "rich", "structlog", "asyncio", "sqlite3", "msgspec", "in_toto_attestation"}
# Clients of clouds and clusters, and what they bring with them.
HEAVY = {
    *(
        "boto3",
        "botocore",
        "aiobotocore",
        "google",
        "googleapiclient",
        "grpc",
        "azure",
        "hvac",
        "spiffe",
        "pkcs11",
        "obstore",
        "pymongo",
        "aiokafka",
    ),
    *("kubernetes", "kubernetes_asyncio", "sigstore", "sigstore_models", "tuf", "securesystemslib", "pydantic", "pydantic_core"),
    *("in_toto_attestation", "betterproto", "requests", "urllib3", "httpx", "aiohttp"),
}

EVERY_MODULE_OF_CORE = """
import importlib, json, pkgutil, sys
import sealwright.core
for found in pkgutil.walk_packages(sealwright.core.__path__, "sealwright.core."):
    importlib.import_module(found.name)
print(json.dumps(sorted(sys.modules)))
"""

# The real program, and then a line about what it has loaded.
COMMAND = """
import json, sys
from sealwright.cli import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)))
"""


def loaded(code, *arguments):
    """The modules that were loaded when the code had run in a new process."""
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        env=commands.environment(),
        check=True,
        timeout=60,
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


def packages(modules):
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=" ".join)
def test_help_loads_no_command_and_nothing_slow(arguments):
    """So it prints at once."""
    found = loaded(COMMAND, *arguments)

    assert packages(found) & (SLOW | HEAVY) == set()
    assert {name for name in found if name.startswith("sealwright.")} <= {
        *("sealwright.cli", "sealwright.cli.exits", "sealwright.cli.show"),
        *("sealwright.core", "sealwright.core.errors"),
    }


def test_the_core_loads_no_client_of_anything():
    """Nor a loop, a database or a log: it decides, and others touch."""
    found = packages(loaded(EVERY_MODULE_OF_CORE))

    assert "sealwright" in found
    assert found & (HEAVY | {"rich", "structlog", "click", "sqlite3"}) == set()


def test_the_running_controller_loads_no_client_of_anything(tmp_path):
    """From reading a run to its signed copy, with every store of the embedded default."""
    folders.keys(tmp_path / "keys")
    folders.write(tmp_path / "runs", folders.built(1))
    (tmp_path / "config.yaml").write_text("artifacts.taskrun.storage: tekton,oci\nartifacts.oci.storage: oci\n")
    arguments = ["--source", tmp_path / "runs", "--keys", tmp_path / "keys", "--config", tmp_path / "config.yaml"]
    found = packages(loaded(COMMAND, "controller", "--once", *arguments))

    assert (tmp_path / "runs" / "build-001.signed.json").exists()
    assert found & HEAVY == set()
