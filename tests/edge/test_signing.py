"""What surrounds every key: no signature leaves unverified, each call ends, and a key is asked for when it may have changed."""

import asyncio

import pytest
from fakes import signers
from fakes.clock import HandClock, idle

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason, Transient, Untrusted
from sealwright.edge.signing import CheckedSigner, Held

ONE, TWO = (signers.key("ecdsa-p256", number) for number in range(2))


class Key:
    """A `Holder` whose script a test writes: which key it says it has, which one signs, and what goes wrong."""

    where = "the key in the test"
    recheck_s = 300.0
    calls = 16

    def __init__(self, *, expires_s=None, renew_s=None):
        self.says = self.uses = ONE
        self.expires_s, self.renew_s = expires_s, renew_s
        self.fault = None
        self.loads = self.signs = self.busy = self.most_busy = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_closed = False

    async def load(self, _known):
        self.loads += 1
        await self.gate.wait()
        if self.fault:
            raise self.fault
        return Held(public=self.says.public, handle=self.says, expires_s=self.expires_s, renew_s=self.renew_s)

    async def sign(self, message, _held):
        self.signs += 1
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            await self.gate.wait()
        finally:
            self.busy -= 1
        return self.uses.sign(message, "sha256")

    async def close(self):
        self.is_closed = True


class Day:
    """The time of day."""

    def __init__(self, now_s=1000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


async def opened(key, clock=None, day=None, **limits):
    return await CheckedSigner.open(key, signers.tools(clock=clock, unix_s=day or Day()), **limits)


async def test_a_signature_by_another_key_never_leaves():
    """The public half is asked for once more, in case it was replaced; it was not."""
    key = Key()
    signer = await opened(key)
    key.uses = TWO
    with pytest.raises(Untrusted) as refused:
        await signer.sign(b"message")

    assert refused.value.reason is Reason.BAD_SIGNATURE
    assert refused.value.message.startswith("the key in the test answered what it should not")
    assert (key.loads, key.signs) == (2, 2)


async def test_a_key_that_is_replaced_between_question_and_answer_signs_once_more():
    """The envelope then names the key that made it."""
    key = Key()
    signer = await opened(key)
    key.says = key.uses = TWO
    signature = await signer.sign(b"message")
    keys.verify(TWO.public, "sha256", b"message", signature.raw)

    assert signature.key_id == TWO.public.key_id == signer.key_id


async def test_keys_that_are_swapped_under_load_give_no_wrong_signature():
    """A hundred at once, and the key changes under them: each verifies with the key that it names."""
    key = Key()
    signer = await opened(key)
    key.gate.clear()
    tasks = [asyncio.ensure_future(signer.sign(b"%d" % number)) for number in range(100)]
    await idle()
    key.says = key.uses = TWO
    key.gate.set()
    public = {each.public.key_id: each.public for each in (ONE, TWO)}
    for number, signature in enumerate(await asyncio.gather(*tasks)):
        keys.verify(public[signature.key_id], "sha256", b"%d" % number, signature.raw)

    assert key.loads <= 3


async def test_no_more_calls_are_under_way_than_allowed():
    """The others wait their turn."""
    key = Key()
    key.calls = 4
    signer = await opened(key)
    key.gate.clear()
    tasks = [asyncio.ensure_future(signer.sign(b"message")) for _ in range(20)]
    await idle()
    assert key.busy == 4
    key.gate.set()
    await asyncio.gather(*tasks)

    assert key.most_busy == 4


async def test_a_call_that_hangs_ends_at_its_deadline():
    """And frees its place."""
    key = Key()
    key.calls = 1
    signer = await opened(key, call_s=0.05)
    key.gate.clear()
    with pytest.raises(Transient, match=r"no answer within 0\.05 s"):
        await signer.sign(b"message")
    key.gate.set()

    assert (await signer.sign(b"message")).key_id == ONE.public.key_id


async def test_a_key_that_cannot_be_asked_for_is_not_open():
    """What was opened for asking is closed."""
    key = Key()
    key.fault = Permanent(Reason.KEY_DENIED, "no")
    with pytest.raises(Permanent):
        await opened(key)

    assert key.is_closed


async def test_a_public_key_is_asked_for_again_when_it_may_have_changed():
    """Not before; a fault then leaves the known one signing."""
    key, clock = Key(), HandClock()
    signer = await opened(key, clock)
    assert not await signer.refresh()
    assert key.loads == 1
    await clock.advance(key.recheck_s)
    key.fault = Transient(Reason.UNAVAILABLE, "down")
    with pytest.raises(Transient):
        await signer.refresh()
    assert (await signer.sign(b"message")).key_id == ONE.public.key_id
    key.fault, key.says, key.uses = None, TWO, TWO

    assert await signer.refresh()
    assert not await signer.refresh()
    assert signer.key_id == TWO.public.key_id


async def test_a_certificate_is_renewed_before_it_expires():
    """Beside the signatures, which wait for nothing."""
    key, day = Key(expires_s=1600.0, renew_s=1500.0), Day()
    signer = await opened(key, day=day)
    assert not await signer.refresh()
    day.now_s, key.expires_s, key.renew_s, key.says, key.uses = 1500.0, 2200.0, 2100.0, TWO, TWO

    assert await signer.refresh()
    assert (await signer.sign(b"message")).key_id == TWO.public.key_id
    assert not await signer.refresh()


async def test_one_that_has_expired_is_renewed_by_the_first_who_signs():
    """As in a process that was suspended. A burst asks once."""
    key, day = Key(expires_s=1600.0, renew_s=1500.0), Day()
    signer = await opened(key, day=day)
    day.now_s, key.expires_s, key.says, key.uses = 1600.0, 2200.0, TWO, TWO
    signed = await asyncio.gather(*(signer.sign(b"message") for _ in range(20)))

    assert {signature.key_id for signature in signed} == {TWO.public.key_id}
    assert key.loads == 2


async def test_a_certificate_that_cannot_be_renewed_signs_until_it_expires_and_no_longer():
    """Its last seconds are left for the log."""
    key, day = Key(expires_s=1600.0, renew_s=1500.0), Day()
    signer = await opened(key, day=day)
    key.fault = Transient(Reason.UNAVAILABLE, "the authority is down")
    day.now_s = 1589.0
    with pytest.raises(Transient):
        await signer.refresh()
    assert (await signer.sign(b"message")).key_id == ONE.public.key_id
    day.now_s = 1590.0
    with pytest.raises(Transient, match="authority is down"):
        await signer.sign(b"message")

    assert key.signs == 1
