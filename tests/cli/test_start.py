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

STATEMENT = (
    '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"'
    + "0" * 64
    + '"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}'
)

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


def loaded(code, *arguments, check=True, **variables):
    """The modules that were loaded when the code had run in a new process."""
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        env=commands.environment(**variables),
        check=check,
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


# A key that cannot be reached -> what its service needs; the rest of HEAVY stays where it is.
OF_SERVICES = {
    "awskms:///arn:aws:kms:eu-west-1:1:key/k": {"aiobotocore", "botocore"},
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k": {"google", "grpc"},
    "azurekms://127.0.0.1:1/k": {"azure"},
    "hashivault://k": {"hvac"},
    "pkcs11:object=k?module-path=/none.so": {"pkcs11"},
}


@pytest.mark.parametrize("reference", OF_SERVICES)
def test_a_key_service_loads_its_own_library_and_no_other(tmp_path, reference):
    """Also where securesystemslib would load every cloud's that is installed."""
    (tmp_path / "config.yaml").write_text(
        f"artifacts.taskrun.signer: kms\nsigners.kms.kmsref: {reference}\nsigners.kms.auth.address: http://127.0.0.1:1\n"
    )
    (tmp_path / "statement.json").write_text(STATEMENT)
    arguments = ["sign", tmp_path / "statement.json", "--config", tmp_path / "config.yaml"]
    variables = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    found = packages(loaded(COMMAND, *arguments, check=False, NO_GCE_CHECK="true", VAULT_TOKEN="x", **variables))
    of_services = set().union(*OF_SERVICES.values()) | {"sigstore", "securesystemslib", "kubernetes", "spiffe"}

    assert found & of_services == OF_SERVICES[reference]
