"""A PKCS#11 token in software: SoftHSM, from the distribution. Its module looks at its configuration once in a process."""

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path

from fakes import signers

from sealwright.edge.signers import kms
from sealwright.edge.signing import CheckedSigner

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
)
TOKEN, PIN = "sealwright", "1234"


def module() -> str:
    found = [path for path in MODULES if Path(path).exists()]
    assert found, "SoftHSM is not installed (softhsm2 in Debian)"
    return found[0]


@cache
def folder() -> Path:
    """Where the token is; it holds a pair of keys `release`, P-256, another `large`, P-384, and one `rsa`."""
    import pkcs11  # noqa: PLC0415
    from pkcs11.util.ec import encode_named_curve_parameters  # noqa: PLC0415

    made = Path(tempfile.mkdtemp(prefix="softhsm-"))
    (made / "tokens").mkdir()
    (made / "softhsm2.conf").write_text(f"directories.tokendir = {made / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(made / "softhsm2.conf")
    initialise = ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", PIN]
    subprocess.run(initialise, check=True, capture_output=True, timeout=60)
    with pkcs11.lib(module()).get_token(token_label=TOKEN).open(rw=True, user_pin=PIN) as session:
        for label, curve in (("release", "secp256r1"), ("large", "secp384r1")):
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}, local=True
            )
            parameters.generate_keypair(store=True, label=label)
        session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, label="rsa")
    return made


def uri(directory: Path, key: str = "release", pin: str = PIN) -> str:
    """The URI of a key, its PIN in a file."""
    folder()
    (directory / "pin").write_text(f"{pin}\n")
    return f"pkcs11:token={TOKEN};object={key}?module-path={module()}&pin-source=file:{directory / 'pin'}"


@asynccontextmanager
async def opened_at(reference: str) -> AsyncIterator[CheckedSigner]:
    """A signer over whatever the URI names."""
    signer = await kms.open({"kmsref": reference}, signers.tools())
    try:
        yield signer
    finally:
        await signer.close()


def opened(directory: Path, key: str = "release") -> AbstractAsyncContextManager[CheckedSigner]:
    """A signer over a key of the token."""
    return opened_at(uri(directory, key))
