"""Makes key pairs and writes them where a signer looks: the layout of the Secret `signing-secrets`.

The only place that draws random numbers for keys. Everything here blocks (RSA up to seconds, sealing 0.2 s and 64 MiB):
callers on an event loop use a thread.
"""

import os
import secrets
import shutil
from pathlib import Path
from typing import Literal, get_args

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import PrivateKey, PublicKey
from sealwright.edge.files import alone

Algorithm = Literal["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096"]

KEY, PASSWORD, PUBLIC = "cosign.key", "cosign.password", "cosign.pub"

_CURVES = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1(), "ecdsa-p521": ec.SECP521R1()}


def generate(algorithm: Algorithm) -> PrivateKey:
    """A new key. Raises Permanent(KEY_UNUSABLE) for a word that is not one of Algorithm."""
    if algorithm not in get_args(Algorithm):
        raise Permanent(Reason.KEY_UNUSABLE, f"no algorithm {quote(algorithm)}, there are: {', '.join(get_args(Algorithm))}")
    if algorithm == "ed25519":
        return keys.private_key(ed25519.Ed25519PrivateKey.generate())
    if algorithm in _CURVES:
        return keys.private_key(ec.generate_private_key(_CURVES[algorithm]))
    bits = int(algorithm.removeprefix("rsa-"))
    return keys.private_key(rsa.generate_private_key(public_exponent=65537, key_size=bits))


def seal(key: PrivateKey, password: bytes) -> bytes:
    """The key in cosign's encrypted PEM, with a fresh salt and nonce."""
    return keys.seal_private(key, password, salt=secrets.token_bytes(32), nonce=secrets.token_bytes(24))


def make_pair(directory: Path, algorithm: Algorithm, password: bytes | None = None) -> PublicKey:
    """Make a key and write `cosign.key`, `cosign.password` and `cosign.pub` into `directory`, which is made if missing.

    Without a password a random one is made. Nothing that is there is overwritten. Each file appears whole or not at
    all, the key last, so that who finds the key finds its password too. Only the public key is readable for others.

    Raises Permanent: STORE_FAILED (one of the files is there already, or the directory cannot be written).
    """
    key = generate(algorithm)
    secret = secrets.token_urlsafe(32).encode() if password is None else password
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_all(directory, {PUBLIC: key.public.pem, PASSWORD: secret, KEY: seal(key, secret)})
    except FileExistsError as error:
        raise Permanent(
            Reason.STORE_FAILED,
            f"{quote(error.filename2 or directory)} is there already and a key is never overwritten; "
            "choose another directory, or move the old files away if nothing needs them",
        ) from error
    except OSError as error:
        raise Permanent(Reason.STORE_FAILED, f"cannot write a key pair to {quote(directory)}: {error.strerror}") from error
    return key.public


def make_first_pair(directory: Path, algorithm: Algorithm) -> PublicKey | None:
    """Make a key for whoever has none yet; None if there is a `cosign.key`, also if another process makes it just now.

    The pair appears with its directory, in one step: a kill meanwhile leaves nothing that the next start cannot replace.
    Raises as `make_pair`; the directory above must be there.
    """
    draft = directory.with_name(f".{directory.name}.unfinished")
    with alone(directory.parent):
        if (directory / KEY).exists():
            return None
        try:
            shutil.rmtree(draft, ignore_errors=True)
            public = make_pair(draft, algorithm)
            draft.rename(directory)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            message = f"{quote(directory)} holds no {KEY}, and one cannot be made there: {error.strerror}; name a folder of keys"
            raise Permanent(Reason.STORE_FAILED, message) from error
    return public


def _write_all(directory: Path, contents: dict[str, bytes]) -> None:
    """All of these files in this order; if one cannot be written, those written before it go again."""
    written: list[Path] = []
    try:
        for name, content in contents.items():
            _write_new(directory / name, content, mode=0o644 if name == PUBLIC else 0o600)
            written.append(directory / name)
    except OSError:
        for path in written:
            path.unlink()
        raise


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """A complete new file, on disk when this returns. Raises FileExistsError, which a rename would not."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
