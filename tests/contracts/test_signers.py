"""What every signer promises."""

import asyncio

import pytest
from fakes import signers
from fakes.signers import MemorySigner

from sealwright import plugins
from sealwright.core import keys
from sealwright.core.errors import Untrusted
from sealwright.edge import keyfiles

MEMBERS = plugins.members("sealwright.edge.signers")
MESSAGES = [b"", b"message", bytes(range(256)) * 300]


async def opened_x509(directory, form: keys.Form):
    if not (directory / keyfiles.KEY).exists():
        keyfiles.make_pair(directory, "ecdsa-p384", b"")
    return await MEMBERS["x509"].open(directory, form)


async def opened_twin(_directory, form: keys.Form):
    return MemorySigner(signers.key("ecdsa-p384"), form)


# Word -> how a test opens it; each gives the same key when it is opened again.
OPEN = {"in memory": opened_twin, "x509": opened_x509}


def test_every_signer_is_tested_here():
    """One that is added needs a row."""

    assert set(OPEN) == {"in memory", *MEMBERS}


@pytest.mark.parametrize("form", signers.FORMS)
@pytest.mark.parametrize("word", OPEN)
async def test_what_it_signs_its_public_key_verifies(tmp_path, word, form):
    """Any message, in the form that was asked for and in no other."""
    signer = await OPEN[word](tmp_path, form)
    other = next(each for each in signers.FORMS if each != form)
    for message in MESSAGES:
        signature = await signer.sign(message)
        keys.verify(signer.public, form, message, signature.raw)
        with pytest.raises(Untrusted):
            keys.verify(signer.public, other, message, signature.raw)
        with pytest.raises(Untrusted):
            keys.verify(signer.public, form, message + b"x", signature.raw)


@pytest.mark.parametrize("word", OPEN)
async def test_a_signature_names_its_key(tmp_path, word):
    """The id of the signer, which is the fingerprint of its public key; a plain key has no certificate."""
    signer = await OPEN[word](tmp_path, "sha256")
    signature = await signer.sign(b"message")

    assert signature.key_id == signer.key_id == signer.public.key_id
    assert (signature.certificate, signature.chain) == ("", "")


@pytest.mark.parametrize("word", OPEN)
async def test_the_same_message_gives_the_same_bytes(tmp_path, word):
    """Also when it is opened again: retries publish nothing new (design D11)."""
    first = await (await OPEN[word](tmp_path, "sha256")).sign(b"message")
    signer = await OPEN[word](tmp_path, "sha256")

    assert first == await signer.sign(b"message")
    assert first != await signer.sign(b"other message")


@pytest.mark.parametrize("word", OPEN)
async def test_one_signer_serves_many_at_once(tmp_path, word):
    """Each gets the signature of its own message."""
    signer = await OPEN[word](tmp_path, "sha256")
    messages = [b"%d" % n for n in range(32)]
    signed = await asyncio.gather(*map(signer.sign, messages))
    for message, signature in zip(messages, signed, strict=True):
        keys.verify(signer.public, "sha256", message, signature.raw)


async def test_the_twin_fails_as_often_as_it_is_told():
    """And then signs."""
    signer = MemorySigner(failures=2)
    for _ in range(2):
        with pytest.raises(type(signer.fault)):
            await signer.sign(b"message")
    keys.verify(signer.public, "sha256", b"message", (await signer.sign(b"message")).raw)

    assert signer.signed == 1
