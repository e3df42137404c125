"""What every signer promises."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fakes import folders, keyservices, signers, softhsm, spire
from fakes.clock import HandClock
from fakes.signers import MemorySigner

from sealwright import plugins
from sealwright.core import keys
from sealwright.core.errors import Fault, Permanent, Reason, Transient, Untrusted
from sealwright.edge.signing import RECHECK_S

MESSAGES = [b"", b"message", bytes(range(256)) * 300]


@asynccontextmanager
async def twin(_directory):
    yield MemorySigner(signers.key("ecdsa-p384"))


@asynccontextmanager
async def file(directory):
    yield await signers.opened_x509(folders.keys(directory))


def service(word):
    """Over a service in a good mood."""
    return lambda directory: keyservices.OPEN[word](directory, keyservices.Keeper())


# How a test opens each; the same key when it is opened again.
OPEN = {
    "in memory": twin,
    "x509": file,
    "spiffe": spire.opened,
    "pkcs11": softhsm.opened,
    **{word: service(word) for word in keyservices.OPEN},
}
NEEDS_PROGRAMS = {"pkcs11"}
# Those that give the same bytes for the same message. A service's ECDSA does not, and need not (design D11).
REPEATING = {"in memory", "x509"}


@pytest.fixture(params=[pytest.param(word, marks=pytest.mark.e2e) if word in NEEDS_PROGRAMS else word for word in OPEN])
async def signer(request, tmp_path):
    async with OPEN[request.param](tmp_path) as opened:
        yield opened


def test_every_signer_is_tested_here():
    """One that is added needs a row."""
    rooms = {*plugins.members("sealwright.edge.signers"), *plugins.members("sealwright.edge.kms")}

    assert set(OPEN) == {"in memory", *rooms} - {"kms"}


async def test_what_it_signs_its_public_key_verifies(signer):
    """Any message; and no other message with the same signature."""
    for message in MESSAGES:
        signature = await signer.sign(message)
        keys.verify(signer.held.public, signer.held.form, message, signature.raw)
        with pytest.raises(Untrusted):
            keys.verify(signer.held.public, signer.held.form, message + b"x", signature.raw)


@pytest.mark.parametrize("form", signers.FORMS)
async def test_a_key_in_a_file_signs_in_the_form_that_was_asked_for(tmp_path, form):
    """And in no other."""
    signer = await signers.opened_x509(folders.keys(tmp_path, algorithm="ecdsa-p384"), form)
    other = next(each for each in signers.FORMS if each != form)
    signature = await signer.sign(b"message")
    keys.verify(signer.held.public, form, b"message", signature.raw)
    with pytest.raises(Untrusted):
        keys.verify(signer.held.public, other, b"message", signature.raw)


async def test_a_signature_names_its_key(signer):
    """The id of the signer, which is the fingerprint of its public key; and it carries the certificate, where there is one."""
    signature = await signer.sign(b"message")

    assert signature.key_id == signer.key_id == signer.held.public.key_id
    assert (signature.certificate, signature.chain) == (signer.held.certificate, signer.held.chain)


@pytest.mark.parametrize("word", sorted(REPEATING))
async def test_the_same_message_gives_the_same_bytes(tmp_path, word):
    """Also when it is opened again: retries publish nothing new (design D11)."""
    async with OPEN[word](tmp_path) as signer:
        first = await signer.sign(b"message")
    async with OPEN[word](tmp_path) as signer:
        assert first == await signer.sign(b"message")
        assert first != await signer.sign(b"other message")


async def test_one_signer_serves_many_at_once(signer):
    """Each gets the signature of its own message."""
    messages = [b"%d" % n for n in range(32)]
    signed = await asyncio.gather(*map(signer.sign, messages))
    for message, signature in zip(messages, signed, strict=True):
        keys.verify(signer.held.public, signer.held.form, message, signature.raw)


async def test_the_twin_fails_as_often_as_it_is_told():
    """And then signs."""
    signer = MemorySigner(failures=2)
    for _ in range(2):
        with pytest.raises(type(signer.fault)):
            await signer.sign(b"message")
    keys.verify(signer.held.public, "sha256", b"message", (await signer.sign(b"message")).raw)

    assert signer.signed == 1


# What a service does -> the class of the fault, its reason, and how long it asks to wait.
MOODS = {
    "denied": (Permanent, Reason.KEY_DENIED),
    "throttled": (Transient, Reason.UNAVAILABLE),
    "down": (Transient, Reason.UNAVAILABLE),
    "disabled": (Permanent, Reason.KEY_DENIED),
    "gone": (Permanent, Reason.KEY_MISSING),
    "expired token": (Transient, Reason.UNAVAILABLE),
    "other key": (Untrusted, Reason.BAD_SIGNATURE),
    "other hash": (Untrusted, Reason.BAD_SIGNATURE),
}


@pytest.mark.parametrize("word", keyservices.OPEN)
async def test_a_service_that_does_not_sign_says_why_and_signs_when_it_is_mended(tmp_path, word):
    """A wrong signature never leaves (F45); waiting is asked for where it helps, and no retry is hidden in the library."""
    moods = {mood: told for mood, told in MOODS.items() if mood not in keyservices.UNKNOWN.get(word, ())}
    found = {}
    keeper = keyservices.Keeper()
    async with keyservices.OPEN[word](tmp_path, keeper) as signer:
        for mood in moods:
            keeper.mood = mood
            with pytest.raises(Fault) as refused:
                await signer.sign(b"message")
            found[mood] = (type(refused.value), refused.value.reason)
            assert signer.where in refused.value.message
            keeper.mood = "good"
            after = await signer.sign(b"message")
            keys.verify(keeper.versions[0].public, "sha256", b"message", after.raw)

    assert found == moods


@pytest.mark.parametrize("word", sorted(set(keyservices.OPEN) - keyservices.SILENT))
async def test_a_service_that_asks_to_wait_is_heard(tmp_path, word):
    """Retry-After goes with the fault; the library does not sleep for it."""
    keeper = keyservices.Keeper()
    async with keyservices.OPEN[word](tmp_path, keeper) as signer:
        keeper.mood = "throttled"
        asked = keeper.asked
        with pytest.raises(Transient) as refused:
            await signer.sign(b"message")

    assert refused.value.after_s == keyservices.RETRY_AFTER_S
    assert keeper.asked == asked + 1


@pytest.mark.parametrize("word", keyservices.OPEN)
async def test_a_service_that_hangs_is_given_up_in_time(tmp_path, word):
    """The caller gets a fault at the deadline; the others, and the next call, are not held up."""
    keeper = keyservices.Keeper()
    async with keyservices.OPEN[word](tmp_path, keeper) as signer:
        keeper.mood = "slow"
        signer.call_s = 0.2
        with pytest.raises(Transient, match=r"no answer within 0\.2 s"):
            await signer.sign(b"message")
        keeper.mood, signer.call_s = "good", 20.0
        await signer.sign(b"message")


@pytest.mark.parametrize("word", sorted(set(keyservices.OPEN) - keyservices.FIXED))
async def test_a_key_that_is_rotated_signs_from_then_on(tmp_path, word):
    """Found at the next look, after RECHECK_S; each signature is by exactly the key that it names."""
    keeper, clock = keyservices.Keeper(), HandClock()
    async with keyservices.OPEN[word](tmp_path, keeper, clock) as signer:
        first = await signer.sign(b"message")
        keeper.rotate()
        between = await signer.sign(b"message")
        assert not await signer.refresh()
        await clock.advance(RECHECK_S)
        assert await signer.refresh()
        second = await signer.sign(b"message")
    old, new = (key.public for key in keeper.versions)
    for key, signature in ((old, first), (old, between), (new, second)):
        keys.verify(key, "sha256", b"message", signature.raw)
        assert signature.key_id == key.key_id


@pytest.mark.parametrize("word", keyservices.OPEN)
async def test_a_service_is_asked_for_its_public_key_once(tmp_path, word):
    """Then each signature is one call."""
    keeper = keyservices.Keeper()
    async with keyservices.OPEN[word](tmp_path, keeper) as signer:
        await signer.sign(b"first")
        asked = keeper.asked
        for number in range(3):
            await signer.sign(b"%d" % number)

    assert (keeper.asked - asked, keeper.signed) == (3, 4)
