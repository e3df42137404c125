"""`sealwright resource`: Tasks, Pipelines and StepActions, signed and verified as Tekton's Trusted Resources are."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import click

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason
from sealwright.core.keys import PublicKey
from sealwright.core.proof import resource as proof
from sealwright.core.proof.resource import HASHES, Hash, ResourceKey
from sealwright.core.tekton import resources
from sealwright.core.tekton.resources import FORMS, Form
from sealwright.edge.reading import read_argument
from sealwright.edge.signers import x509

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
PRIVATE_PASSWORD, or is asked for.

\b
Examples:
  sealwright resource sign task.yaml --key cosign.key --out signed.yaml
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
@click.option("--key", type=click.File("rb"), required=True, help="Public key (PEM) to trust.")
@click.argument("file", type=_FILE)
def verify(form: Form, hash_: Hash, key: BinaryIO, file: Path) -> None:
    """Prove and say so."""
    trusted = ResourceKey(key=keys.load_public(key.read()), hash=hash_)
    resource = resources.read(read_argument(file), str(file), form)
    proof.prove(resource, trusted)
    click.echo(f"{resource.kind} '{resource.name}' verified with {trusted.key.algorithm} key {trusted.key.key_id} as {form}")


@command.command("sign", help=_SIGN, short_help="Sign a definition.")
@_form
@_hash
@click.option("--key", type=_FILE, help="Private key (PEM, also encrypted as cosign writes it).")
@click.option("--keys", "folder", type=_FILE, help="Folder with x509.pem, or cosign.key and cosign.password.")
@click.option("--out", type=_FILE, help="File to write.  [default: standard output]")
@click.argument("file", type=_FILE)
def sign(*, form: Form, hash_: Hash, key: Path | None, folder: Path | None, out: Path | None, file: Path) -> None:
    """Sign and say who will accept it."""
    if (key is None) == (folder is None):
        raise click.UsageError("name one of --key FILE and --keys FOLDER")
    data = resources.completed(read_argument(file), str(file))
    public, make = _of_file(key, hash_) if key else _of_folder(folder or Path(), hash_)
    signed = resources.signed(data, str(file), form, proof.annotation(make(resources.read(data, str(file), form).digest)))
    accepting = _accepting(signed, form)
    if out is None:
        sys.stdout.buffer.write(signed)
    else:
        out.write_bytes(signed)
    click.echo(f"signed with {public.algorithm} key {public.key_id}; accepted by: {', '.join(accepting)}", err=True)


def _of_file(path: Path, hash_: Hash) -> tuple[PublicKey, Callable[[bytes], bytes]]:
    private = keys.load_private(data := read_argument(path), _password(data, path))
    proof.refuse_misfit(private.public, hash_)
    return private.public, lambda message: private.sign(message, hash_)


def _of_folder(folder: Path, hash_: Hash) -> tuple[PublicKey, Callable[[bytes], bytes]]:
    private = x509.read(folder)
    proof.refuse_misfit(private.public, hash_)
    return private.public, lambda message: private.sign(message, hash_)


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
