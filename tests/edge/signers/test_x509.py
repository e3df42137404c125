"""The x509 signer: which file it takes, what it says when there is none, and that it follows changes."""

import os

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fakes import signers

from sealwright import plugins
from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason
from sealwright.edge import keyfiles
from sealwright.edge.signers import x509


def pkcs8(key: keys.PrivateKey) -> bytes:
    return key.material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


async def refusal(directory) -> Permanent:
    with pytest.raises(Permanent) as refused:
        await signers.opened_x509(directory)
    return refused.value


def test_the_word_in_the_configuration_is_x509():
    """The file is a member of the room of signers."""

    assert plugins.members("sealwright.edge.signers")["x509"] is x509


@pytest.mark.parametrize("form", ["sha256", "by-curve"])
@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"])
async def test_it_signs_with_x509_pem(tmp_path, algorithm, form):
    """Each algorithm in each form, the same bytes each time, under the key's id."""
    key = keyfiles.generate(algorithm)
    (tmp_path / "x509.pem").write_bytes(pkcs8(key))
    signer = await signers.opened_x509(tmp_path, form)
    signature = await signer.sign(b"message")
    keys.verify(key.public, form, b"message", signature.raw)

    assert signature == await signer.sign(b"message")
    assert key.public.key_id == signature.key_id == signer.key_id
    assert (signature.certificate, signature.chain) == ("", "")


async def test_it_signs_with_a_made_pair(tmp_path):
    """cosign.key with cosign.password, as `make_pair` writes them."""
    public = keyfiles.make_pair(tmp_path, "ecdsa-p256")
    signer = await signers.opened_x509(tmp_path)
    keys.verify(public, "sha256", b"message", (await signer.sign(b"message")).raw)

    assert public == signer.held.public


async def test_x509_pem_goes_before_cosign_key(tmp_path):
    """Chains' order; cosign.key is not even opened then."""
    key = keyfiles.generate("ed25519")
    (tmp_path / "x509.pem").write_bytes(pkcs8(key))
    (tmp_path / "cosign.key").write_bytes(b"rubbish")

    assert key.public.key_id == (await signers.opened_x509(tmp_path)).key_id


async def test_an_unusable_x509_pem_is_not_passed_over(tmp_path):
    """A broken first file is an error, never a silent change to another key."""
    keyfiles.make_pair(tmp_path, "ed25519")
    (tmp_path / "x509.pem").write_bytes(b"rubbish")
    refused = await refusal(tmp_path)

    assert refused.reason is Reason.INVALID_INPUT
    assert f"'{tmp_path}/x509.pem': private key: no PEM block" in refused.message


@pytest.mark.parametrize("place", ["", "nowhere"])
async def test_a_missing_key_says_what_was_looked_for(tmp_path, place):
    """An empty directory and none: the message names it and the files."""
    refused = await refusal(tmp_path / place)

    assert refused.reason is Reason.KEY_MISSING
    assert all(word in refused.message for word in (str(tmp_path / place), "x509.pem", "cosign.key", "cosign.password"))


async def test_a_missing_password_file_is_named(tmp_path):
    """It must exist and may be empty, as for Chains."""
    keyfiles.make_pair(tmp_path, "ed25519", b"")
    (tmp_path / "cosign.password").unlink()
    refused = await refusal(tmp_path)

    assert refused.reason is Reason.KEY_MISSING
    assert "cosign.password" in refused.message


async def test_a_password_is_used_verbatim(tmp_path):
    """A line break at its end belongs to it; where that is the fault, the message says so and shows no password."""
    keyfiles.make_pair(tmp_path / "with", "ed25519", b"hunter2\n")
    await signers.opened_x509(tmp_path / "with")
    keyfiles.make_pair(tmp_path / "without", "ed25519", b"hunter2")
    (tmp_path / "without" / "cosign.password").write_bytes(b"hunter2\n")
    refused = await refusal(tmp_path / "without")

    assert refused.reason is Reason.WRONG_PASSWORD
    assert "ends with a line break" in refused.message
    assert "hunter2" not in refused.message


async def test_an_encrypted_x509_pem_is_sent_to_its_place(tmp_path):
    """x509.pem has no password file; the message says which file has."""
    (tmp_path / "x509.pem").write_bytes(keyfiles.seal(keyfiles.generate("ed25519"), b""))
    refused = await refusal(tmp_path)

    assert refused.reason is Reason.WRONG_PASSWORD
    assert "belongs in cosign.key" in refused.message


async def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """A directory stands where the key should."""
    (tmp_path / "x509.pem").mkdir()
    refused = await refusal(tmp_path)

    assert refused.reason is Reason.KEY_UNUSABLE
    assert "x509.pem' cannot be read" in refused.message


async def test_a_huge_file_is_refused(tmp_path):
    """No more than a key's worth is read."""
    (tmp_path / "x509.pem").write_bytes(b"-" * (1 << 20))

    assert (await refusal(tmp_path)).reason is Reason.TOO_LARGE


async def test_refresh_opens_a_key_once_for_each_change(tmp_path):
    """Unchanged files are not read again; a new key is taken at once, and the id with it."""
    old, new = keyfiles.generate("ed25519"), keyfiles.generate("ed25519")
    (tmp_path / "x509.pem").write_bytes(pkcs8(old))
    signer = await signers.opened_x509(tmp_path)

    assert not await signer.refresh()
    swap(tmp_path, pkcs8(new))
    assert await signer.refresh()
    assert not await signer.refresh()
    assert new.public.key_id == signer.key_id == (await signer.sign(b"message")).key_id


async def test_a_broken_change_leaves_the_old_key_signing(tmp_path):
    """The fault is raised at each refresh until it is mended; signatures go on."""
    old, new = keyfiles.generate("ed25519"), keyfiles.generate("ed25519")
    (tmp_path / "x509.pem").write_bytes(pkcs8(old))
    signer = await signers.opened_x509(tmp_path)
    swap(tmp_path, b"rubbish")
    for _ in range(2):
        with pytest.raises(Permanent):
            await signer.refresh()
    keys.verify(old.public, "sha256", b"message", (await signer.sign(b"message")).raw)
    swap(tmp_path, pkcs8(new))

    assert await signer.refresh()
    assert new.public.key_id == signer.key_id


async def test_a_key_that_is_taken_away_is_told(tmp_path):
    """Refresh says so; the open key goes on."""
    (tmp_path / "x509.pem").write_bytes(pkcs8(keyfiles.generate("ed25519")))
    signer = await signers.opened_x509(tmp_path)
    (tmp_path / "x509.pem").unlink()
    with pytest.raises(Permanent) as refused:
        await signer.refresh()

    assert refused.value.reason is Reason.KEY_MISSING
    assert (await signer.sign(b"message")).key_id == signer.key_id


async def test_a_mounted_secret_that_is_swapped_is_seen(tmp_path):
    """The kubelet swaps a directory behind symbolic links: same size, same names, another inode."""
    generations = [keyfiles.generate("ed25519") for _ in range(2)]
    for number, key in enumerate(generations):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "x509.pem").write_bytes(pkcs8(key))
        os.utime(tmp_path / str(number) / "x509.pem", ns=(1, 1))
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / "..data").symlink_to(tmp_path / "0")
    (mount / "x509.pem").symlink_to("..data/x509.pem")
    signer = await signers.opened_x509(mount)
    (tmp_path / "next").symlink_to(tmp_path / "1")
    (tmp_path / "next").replace(mount / "..data")

    assert await signer.refresh()
    assert generations[1].public.key_id == signer.key_id


def swap(directory, content: bytes) -> None:
    """As an editor writes: a new file in the old one's place."""
    (directory / "draft").write_bytes(content)
    (directory / "draft").replace(directory / "x509.pem")
