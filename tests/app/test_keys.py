"""The controller's key: followed while it runs, and never shown."""

import asyncio
import json
import logging

import pytest
from fakes import commands, folders, signers
from fakes.signers import key as private_key

from sealwright.app import running
from sealwright.core.errors import Permanent, Reason
from sealwright.edge import keyfiles
from sealwright.edge.clock import SystemClock

CANARY = "canary-7f3a"


class Notes:
    """A log that keeps what it is told, and lets a test wait for it."""

    def __init__(self):
        self.told = []
        self._news = asyncio.Event()

    def note(self, event, **members):
        self._tell((event, members))

    def problem(self, where, fault):
        self._tell((where, fault.reason))

    def _tell(self, what):
        self.told.append(what)
        self._news.set()

    async def next(self):
        async with asyncio.timeout(10):
            await self._news.wait()
        self._news.clear()
        return self.told[-1]


async def test_a_key_that_is_replaced_signs_from_then_on(tmp_path, monkeypatch):
    """Without a restart. One that cannot be read is told, and the last good one goes on signing."""
    monkeypatch.setattr(running, "REFRESH_S", 0.001)
    signer = await signers.opened_x509(folders.keys(tmp_path))
    notes = Notes()
    following = asyncio.ensure_future(running.refresh_keys(lambda: [signer], SystemClock(), notes))
    try:
        first = await signer.sign(b"message")
        folders.keys(tmp_path, 1)
        taken = await notes.next()
        second = await signer.sign(b"message")
        (tmp_path / "x509.pem").write_bytes(b"half a key")
        told = await notes.next()
        third = await signer.sign(b"message")
    finally:
        following.cancel()

    assert first.key_id == private_key("ecdsa-p256", 0).public.key_id
    assert second.key_id == third.key_id == private_key("ecdsa-p256", 1).public.key_id
    assert taken == ("took a new key", {"key_id": second.key_id})
    assert told == ("signing key", Reason.INVALID_INPUT)


def test_what_was_signed_before_a_new_key_is_not_signed_again(tmp_path):
    """It stays verifiable with the old one; new runs carry the new one."""
    keys = folders.keys(tmp_path / "keys")
    folders.write(tmp_path / "runs", folders.built(1))
    arguments = ["controller", "--source", tmp_path / "runs", "--keys", keys, "--once"]
    assert commands.run(*arguments).code == 0
    old = (keys / "cosign.pub").rename(tmp_path / "old.pub")
    before = folders.signed(tmp_path)
    folders.keys(keys, 1)
    folders.write(tmp_path / "runs", folders.built(2))
    assert commands.run(*arguments).code == 0
    verify = ["verify", tmp_path / "runs", "--key", keys / "cosign.pub"]

    assert before.items() < folders.signed(tmp_path).items()
    assert commands.run(*verify).code == 1
    assert commands.run(*verify, "--key", old).code == 0


@pytest.mark.parametrize("level", ["debug", "error"])
def test_no_secret_is_said_or_stored(tmp_path, caplog, level):
    """Neither the password nor the private key: not in output, log, index, layouts, copies, nor in errors about them."""
    caplog.set_level(logging.DEBUG)
    keys = tmp_path / "signing-secrets"
    said = [commands.run("key", "generate", keys, env={"COSIGN_PASSWORD": CANARY})]
    folders.write(tmp_path / "runs", folders.built(1))
    (tmp_path / "config.yaml").write_text("artifacts.taskrun.storage: tekton,oci\nartifacts.oci.storage: tekton,oci\n")
    config = ["--config", tmp_path / "config.yaml"]
    said.append(
        commands.run("controller", "--source", tmp_path / "runs", "--keys", keys, "--once", "--log-level", level, *config)
    )
    said.append(commands.run("sign", tmp_path / "runs" / "build-001.json", "--keys", keys))
    said.append(commands.run("verify", tmp_path / "runs", "--key", keys / "cosign.pub", "--steps"))
    said.append(commands.run("search", "--in", tmp_path / "runs", "-o", "json"))
    assert [ended.code for ended in said] == [0] * 5
    said.append(commands.run("verify", tmp_path / "runs", "--key", keys / "cosign.key"))
    said.append(commands.run("key", "show", keys / "cosign.key"))
    said.append(commands.run("key", "show", keys / "cosign.password"))
    said.append(commands.run("config", "check", keys / "cosign.password"))
    said.append(commands.run("verify", keys / "cosign.password", "--key", keys / "cosign.pub"))
    (keys / "cosign.password").write_text(f"{CANARY}-wrong")
    said.append(commands.run("sign", tmp_path / "runs" / "build-001.json", "--keys", keys))
    secrets = [CANARY.encode(), *private_lines(keys / "cosign.key")]
    spoken = b"".join(ended.out + ended.err for ended in said) + caplog.text.encode()
    stored = b"".join(body for path, body in folders.contents(tmp_path).items() if not path.startswith("signing-secrets/"))

    assert all(ended.code == 2 for ended in said[5:])
    assert [secret for secret in secrets if secret in spoken] == []
    assert [secret for secret in secrets if secret in stored] == []


def private_lines(path):
    """The lines of a PEM between its marks."""
    return [line for line in path.read_bytes().splitlines() if line and not line.startswith(b"-----")]


def test_an_unencrypted_key_is_not_said_or_stored_either(tmp_path):
    keys = folders.keys(tmp_path / "signing-secrets")
    folders.write(tmp_path / "runs", folders.built(1))
    found = commands.run("controller", "--source", tmp_path / "runs", "--keys", keys, "--once", "--log-level", "debug")
    shown = commands.run("key", "show", keys / "x509.pem")
    stored = b"".join(body for path, body in folders.contents(tmp_path / "runs").items())

    assert (found.code, shown.code) == (0, 2)
    for line in private_lines(keys / "x509.pem"):
        assert line not in found.out + found.err + shown.out + shown.err + stored


def test_only_the_public_key_can_be_read_by_others(tmp_path):
    assert commands.run("key", "generate", tmp_path / "keys").code == 0
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}

    assert modes == {"cosign.key": 0o600, "cosign.password": 0o600, "cosign.pub": 0o644}
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


def test_the_first_key_has_the_same_rights(tmp_path):
    """The one that the controller makes by itself."""
    keyfiles.make_first_pair(tmp_path / "signing-secrets", "ed25519")

    assert (tmp_path / "signing-secrets").stat().st_mode & 0o077 == 0
    assert (tmp_path / "signing-secrets" / "cosign.key").stat().st_mode & 0o777 == 0o600
    assert keyfiles.make_first_pair(tmp_path / "signing-secrets", "ed25519") is None


def test_a_key_is_never_overwritten(tmp_path):
    """Exit 2, and every file stays as it is."""
    first = commands.run("key", "generate", tmp_path / "keys", "--algorithm", "ed25519")
    before = folders.contents(tmp_path)
    second = commands.run("key", "generate", tmp_path / "keys")

    assert (first.code, second.code) == (0, 2)
    assert folders.contents(tmp_path) == before


def test_making_a_key_tells_where_it_is_and_its_id_as_envelopes_carry_it(tmp_path):
    made = commands.run("key", "generate", tmp_path / "keys", "--algorithm", "ed25519")
    folders.write(tmp_path, folders.built(1))
    envelope = json.loads(commands.run("sign", tmp_path / "build-001.json", "--keys", tmp_path / "keys").out)

    assert made.text.startswith(f"ed25519 key {envelope['signatures'][0]['keyid']} in {tmp_path / 'keys'} ")


async def test_a_folder_without_a_key_is_refused_in_words(tmp_path):
    with pytest.raises(Permanent) as refused:
        await signers.opened_x509(tmp_path)

    assert refused.value.reason is Reason.KEY_MISSING
    assert "sealwright key" in refused.value.message
