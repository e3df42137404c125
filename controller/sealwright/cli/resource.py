"""`sealwright resource`: Tasks, Pipelines and StepActions, signed and verified as Tekton's Trusted Resources are."""

import asyncio
import os
import sys
from pathlib import Path

import click

from sealwright.app.signers import tools_by_hand
from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason
from sealwright.core.keys import PrivateKey
from sealwright.core.proof import resource as proof
from sealwright.core.proof.resource import HASHES, Hash, ResourceKey
from sealwright.core.tekton import resources
from sealwright.core.tekton.resources import FORMS, Form
from sealwright.edge.reading import read_argument
from sealwright.edge.signers import kms, x509

_HELP = """Sign and verify Tasks, Pipelines and StepActions (Tekton's Trusted Resources).

Tekton's controller and its command line hash two views of one file. --form says whose: controller (the default; what
VerificationPolicies judge), tkn (what 'tkn task sign' writes), and legacy-controller and legacy-tkn for Tekton Pipelines
before v1.10 and tkn before v0.43.

\b
Examples:
  sealwright resource sign task.yaml --key cosign.key --out signed.yaml
  sealwright resource verify signed.yaml --key cosign.pub
  sealwright resource canonical task.yaml | sha256sum
"""

_SIGN = """Sign FILE and print it with its signature; the rest of its text stays as it is.

An older signature is replaced. Defaults that the controller would add are written out, so that older controllers and tkn
read the same definition. A note says who will accept the signature. The password of an encrypted --key comes from
PRIVATE_PASSWORD, or is asked for. A key service signs with the hash of its key; its login comes from the environment.

\b
Examples:
  sealwright resource sign task.yaml --key cosign.key --out signed.yaml
  sealwright resource sign task.yaml --kms awskms:///alias/definitions --out signed.yaml
  sealwright resource sign pipeline.yaml --keys signing-secrets --form legacy-controller > signed.yaml
"""

_VERIFY = """Verify the signature in FILE with a public key you trust.

\b
Exit code: 0 it passes, 1 refused, 2 the file cannot be read as Tekton would read it.

\b
Examples:
  sealwright resource verify signed.yaml --key cosign.pub
  sealwright resource verify signed.yaml --key cosign.pub --form tkn
  sealwright resource verify signed.yaml --key p384.pub --hash sha384
  sealwright resource verify signed.yaml --kms hashivault://definitions
"""

_CANONICAL = """Print the bytes of FILE that are hashed and signed, and nothing after them.

\b
Example:
  sealwright resource canonical --form tkn task.yaml | sha256sum
"""

_FILE = click.Path(path_type=Path)
_form = click.option("--form", type=click.Choice(FORMS), default="controller", show_default=True, help="Whose view is hashed.")
_hash = click.option(
    "--hash",
    "hash_",
    type=click.Choice(HASHES),
    default="sha256",
    show_default=True,
    help="Hash of the signature, as a policy's hashAlgorithm; Ed25519 has its own.",
)
_kms = click.option("--kms", "service", help="Key in a service: awskms, gcpkms, azurekms, hashivault or pkcs11 URI.")


@click.group("resource", help=_HELP)
def command() -> None:
    """Holds the subcommands."""


@command.command("canonical", help=_CANONICAL, short_help="Print the exact bytes that are hashed.")
@_form
@click.argument("file", type=_FILE)
def canonical(form: Form, file: Path) -> None:
    """Print bytes."""
    sys.stdout.buffer.write(resources.read(read_argument(file), str(file), form).canonical)


@command.command("verify", help=_VERIFY, short_help="Verify the signature of a definition.")
@_form
@_hash
@click.option("--key", type=_FILE, help="Public key (PEM) to trust.")
@_kms
@click.argument("file", type=_FILE)
def verify(*, form: Form, hash_: Hash, key: Path | None, service: str | None, file: Path) -> None:
    """Prove and say so."""
    _one_of(key, service, names="--key FILE and --kms URI")
    if service is not None:
        trusted, _ = asyncio.run(_by_service(service, None))
    else:
        trusted = ResourceKey(key=keys.load_public(read_argument(key or Path())), hash=hash_)
    resource = resources.read(read_argument(file), str(file), form)
    proof.prove(resource, trusted)
    click.echo(f"{resource.kind} '{resource.name}' verified with {trusted.key.algorithm} key {trusted.key.key_id} as {form}")


@command.command("sign", help=_SIGN, short_help="Sign a definition.")
@_form
@_hash
@click.option("--key", type=_FILE, help="Private key (PEM, also encrypted as cosign writes it).")
@click.option("--keys", "folder", type=_FILE, help="Folder with x509.pem, or cosign.key and cosign.password.")
@_kms
@click.option("--out", type=_FILE, help="File to write.  [default: standard output]")
@click.argument("file", type=_FILE)
def sign(
    *, form: Form, hash_: Hash, key: Path | None, folder: Path | None, service: str | None, out: Path | None, file: Path
) -> None:
    """Sign and say who will accept it."""
    _one_of(key, folder, service, names="--key FILE, --keys FOLDER and --kms URI")
    data = resources.completed(read_argument(file), str(file))
    digest = resources.read(data, str(file), form).digest
    if service is not None:
        used, raw = asyncio.run(_by_service(service, digest))
    else:
        used, raw = _by_private(_private(key) if key else x509.read(folder or Path()), hash_, digest)
    signed = resources.signed(data, str(file), form, proof.annotation(raw))
    if out is None:
        sys.stdout.buffer.write(signed)
    else:
        out.write_bytes(signed)
    told = f"signed with {used.key.algorithm} key {used.key.key_id} and {used.hash}"
    click.echo(f"{told}; accepted by: {', '.join(_accepting(signed, form))}", err=True)


def _one_of(*given: object, names: str) -> None:
    if sum(each is not None for each in given) != 1:
        raise click.UsageError(f"name one of {names}")


def _private(path: Path) -> PrivateKey:
    data = read_argument(path)
    return keys.load_private(data, _password(data, path))


def _by_private(private: PrivateKey, hash_: Hash, digest: bytes) -> tuple[ResourceKey, bytes]:
    proof.refuse_misfit(private.public, hash_)
    return ResourceKey(key=private.public, hash=hash_), private.sign(digest, hash_)


async def _by_service(uri: str, digest: bytes | None) -> tuple[ResourceKey, bytes]:
    """A key service's key and, where there is something to sign, its signature."""
    signer = await kms.open({"kmsref": uri}, tools_by_hand(None))
    try:
        raw = (await signer.sign(digest)).raw if digest is not None else b""
        held = signer.held
    finally:
        await signer.close()
    return ResourceKey(key=held.public, hash=proof.hash_of(held.public, held.form)), raw


def _password(data: bytes, path: Path) -> bytes | None:
    """The password for a key that has one; cosign's and tkn's variable first, then whoever is at the terminal."""
    if b"ENCRYPTED" not in data:
        return None
    given = os.environ.get("PRIVATE_PASSWORD")
    if given is None and not sys.stdin.isatty():
        raise Permanent(Reason.WRONG_PASSWORD, f"{path}: this key needs a password; set PRIVATE_PASSWORD")
    entered: str = click.prompt(f"Password for {path}", hide_input=True, err=True) if given is None else given
    return entered.encode()


def _accepting(signed: bytes, form: Form) -> list[Form]:
    """The forms in which these are the bytes that were signed."""
    wanted = resources.read(signed, "the signed file", form).canonical
    return [other for other in FORMS if _canonical(signed, other) == wanted]


def _canonical(signed: bytes, form: Form) -> bytes | None:
    try:
        return resources.read(signed, "the signed file", form).canonical
    except Permanent:
        return None
