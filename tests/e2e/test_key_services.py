"""cosign believes what a key in a service or a token signs, by the public half alone, and no twin of it."""

import asyncio
import hashlib

import pytest
from fakes import commands, cosign, folders, keyservices, softhsm

from sealwright.core import keys
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason
from sealwright.core.statement import MEDIA_TYPE

pytestmark = pytest.mark.e2e

BODY = cosign.STATEMENT % hashlib.sha256(cosign.BLOB).hexdigest().encode()
OTHER = cosign.STATEMENT % hashlib.sha256(b"something else").hexdigest().encode()


def service(word):
    return lambda directory: keyservices.OPEN[word](directory, keyservices.Keeper())


def token(key):
    return lambda directory: softhsm.opened(directory, key)


OPEN = {
    **{word: service(word) for word in keyservices.OPEN},
    **{f"pkcs11 {key}": token(key) for key in ("release", "large", "rsa")},
}


@pytest.mark.parametrize("which", OPEN)
async def test_cosign_believes_what_it_signs(tmp_path, which):
    async with OPEN[which](tmp_path) as signer:
        signature = await signer.sign(dsse.pae(MEDIA_TYPE, BODY))
        (tmp_path / "key.pub").write_bytes(signer.held.public.pem)
    good, twin = (dsse.seal(MEDIA_TYPE, body, [signature]) for body in (BODY, OTHER))

    assert await asyncio.to_thread(cosign.believes, tmp_path, good, "--key=key.pub") == ""
    assert "accepted signatures do not match" in await asyncio.to_thread(cosign.believes, tmp_path, twin, "--key=key.pub")


async def test_a_wrong_pin_is_tried_once(tmp_path):
    """A token locks itself after a few: the second try asks for another PIN, the right one goes on."""
    for told in ("PinIncorrect", "is not tried again"):
        with pytest.raises(Permanent, match=told) as refused:
            async with softhsm.opened_at(softhsm.uri(tmp_path, pin="9999")):
                pass
        assert refused.value.reason is Reason.WRONG_PASSWORD
        assert "9999" not in refused.value.message
    async with softhsm.opened(tmp_path) as signer:
        keys.verify(signer.held.public, "sha256", b"m", (await signer.sign(b"m")).raw)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("object=release", "object=none"), Reason.KEY_MISSING),
        (("token=sealwright", "token=other"), Reason.KEY_MISSING),
        (("module-path=/", "module-path=/none"), Reason.INVALID_CONFIG),
        (("module-path=/", "module-path=x/"), Reason.INVALID_CONFIG),
        (("pin-source=file:/", "pin-value=1234&x=/"), Reason.INVALID_CONFIG),
        (("pin-source=file:/", "pin-source=file:/none/"), Reason.KEY_MISSING),
    ],
)
async def test_a_uri_that_names_no_key_says_what_is_missing(tmp_path, change, reason):
    with pytest.raises(Permanent) as refused:
        async with softhsm.opened_at(softhsm.uri(tmp_path).replace(*change)):
            pass

    assert refused.value.reason is reason


async def test_the_controller_goes_on_when_its_key_service_comes_back(tmp_path):
    """Runs that end while Vault is sealed wait, visibly, and are signed with the key that is there afterwards, each by one key."""
    keeper = keyservices.Keeper()
    (tmp_path / "token").write_text("hvs.0\n")
    folders.write(tmp_path / "runs", *[folders.built(number) for number in range(5)])
    async with keyservices.serving(keyservices.vault_server(keeper)) as address:
        settings = {"kmsref": "hashivault://release", "auth.address": f"http://{address}", "auth.token-path": tmp_path / "token"}
        lines = [f"signers.kms.{name}: {value}" for name, value in settings.items()]
        signers = [f"artifacts.{sort}.signer: kms" for sort in ("taskrun", "pipelinerun", "oci")]
        (tmp_path / "config.yaml").write_text("\n".join([*lines, *signers]))
        arguments = ["controller", "--source", tmp_path / "runs", "--config", tmp_path / "config.yaml"]
        with commands.Started(*arguments, log=tmp_path / "log") as started:

            def signed(count):
                return lambda: len(folders.signed(tmp_path)) == count

            assert await asyncio.to_thread(started.until, signed(5), 60)
            keeper.mood = "down"
            folders.write(tmp_path / "runs", *[folders.built(number) for number in range(5, 10)])
            assert await asyncio.to_thread(started.until, lambda: "Vault is sealed" in started.said, 60)
            assert signed(5)()
            keeper.mood = "good"
            assert await asyncio.to_thread(started.until, signed(10), 60)


def test_a_statement_is_signed_by_a_token_from_the_command_line(tmp_path):
    """As a user does it: the ConfigMap names the key, and cosign verifies the envelope."""
    config = f"artifacts.taskrun.signer: kms\nsigners.kms.kmsref: {softhsm.uri(tmp_path)}\n"
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "statement.json").write_bytes(BODY)
    ended = commands.run("sign", tmp_path / "statement.json", "--config", tmp_path / "config.yaml")
    assert ended.code == 0, ended.told

    async def public():
        async with softhsm.opened(tmp_path) as signer:
            return signer.held.public.pem

    (tmp_path / "key.pub").write_bytes(asyncio.run(public()))

    assert cosign.believes(tmp_path, ended.out, "--key=key.pub") == ""
