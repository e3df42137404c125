"""Keyless signing: a certificate for each ten minutes, believed only when everything in it is proven."""

import asyncio

import pytest
from cryptography import x509 as certificates
from fakes import signers
from fakes.fulcio import LIFE_S, Fulcio, token

from sealwright.core import keys
from sealwright.core.errors import Fault, Permanent, Reason, Transient, Untrusted
from sealwright.edge.signers import x509

NAMES = {"fulcio_provider": "fulcio.provider", "identity_token_file": "identity.token.file", "trusted_root": "trusted-root"}
NOW_S = 1_790_000_000.0


class Day:
    now_s = NOW_S

    def __call__(self):
        return self.now_s


@pytest.fixture
async def world(tmp_path):
    """An authority that serves, and how to open a signer over it."""
    day = Day()
    fulcio = Fulcio(day)
    (tmp_path / "token").write_text(token(NOW_S + 3600))
    (tmp_path / "root.json").write_bytes(fulcio.trusted_root())
    async with fulcio.serving() as address:
        settings = {
            "fulcio.enabled": True,
            "fulcio.address": address,
            "identity.token.file": str(tmp_path / "token"),
            "trusted-root": str(tmp_path / "root.json"),
        }

        async def opened(**changed):
            return await x509.open(settings | {NAMES[name]: text for name, text in changed.items()}, signers.tools(unix_s=day))

        yield fulcio, day, opened


async def test_it_signs_with_a_key_of_its_own_and_says_whose_it_is(world):
    """The certificate names the workload; with it go those above it, as Chains writes them."""
    _, _, opened = world
    signature = await (await opened()).sign(b"message")
    leaf = certificates.load_pem_x509_certificate(signature.certificate.encode())
    keys.verify(keys.public_key(leaf.public_key()), "sha256", b"message", signature.raw)
    named = leaf.extensions.get_extension_for_class(certificates.SubjectAlternativeName).value

    assert named.get_values_for_type(certificates.UniformResourceIdentifier) == [
        "https://k8s.test/system:serviceaccount:tekton-chains:controller"
    ]
    assert signature.chain.count("BEGIN CERTIFICATE") == 1
    assert signature.key_id == keys.public_key(leaf.public_key()).key_id


async def test_one_certificate_serves_many_signatures_and_is_renewed_in_time(world):
    """Fulcio is asked once in six minutes, not for each signature; each certificate has a key of its own."""
    fulcio, day, opened = world
    signer = await opened()
    first = [await signer.sign(b"%d" % number) for number in range(5)]
    day.now_s += LIFE_S / 2
    assert not await signer.refresh()
    assert fulcio.asked == 1
    day.now_s = NOW_S + LIFE_S * 0.6
    assert await signer.refresh()
    second = await signer.sign(b"message")

    assert fulcio.asked == 2
    assert len({signature.certificate for signature in first}) == 1
    assert second.certificate != first[0].certificate
    assert signer.held.expires_s == NOW_S + LIFE_S * 1.6


async def test_while_fulcio_is_down_a_certificate_is_used_to_its_end(world):
    """Then signatures wait; a burst asks once, and goes on when Fulcio is back."""
    fulcio, day, opened = world
    signer = await opened()
    fulcio.mood = "down"
    day.now_s = NOW_S + LIFE_S * 0.9
    with pytest.raises(Transient):
        await signer.refresh()
    await signer.sign(b"message")
    day.now_s = NOW_S + LIFE_S
    with pytest.raises(Transient):
        await signer.sign(b"message")
    asked, fulcio.mood = fulcio.asked, "good"
    await asyncio.gather(*(signer.sign(b"message") for _ in range(10)))

    assert fulcio.asked == asked + 1


BAD = {
    "denied": (Permanent, Reason.KEY_DENIED, "issuer"),
    "down": (Transient, Reason.UNAVAILABLE, "503"),
    "throttled": (Transient, Reason.UNAVAILABLE, "429"),
    "rubbish": (Transient, Reason.UNAVAILABLE, "no certificate"),
    "no timestamp": (Untrusted, Reason.BAD_CERTIFICATE, "SCT"),
    "other log": (Untrusted, Reason.BAD_CERTIFICATE, "SCT"),
    "other authority": (Untrusted, Reason.BAD_CERTIFICATE, "not issued below"),
    "other key": (Untrusted, Reason.BAD_CERTIFICATE, "another key"),
    "old": (Untrusted, Reason.BAD_CERTIFICATE, "valid from"),
}


@pytest.mark.parametrize("mood", BAD)
async def test_a_certificate_that_is_not_proven_signs_nothing(world, mood):
    """Each is refused by name, with what Fulcio asks to wait."""
    fulcio, _, opened = world
    fulcio.mood = mood
    with pytest.raises(Fault) as refused:
        await opened()

    assert (type(refused.value), refused.value.reason) == BAD[mood][:2]
    assert BAD[mood][2] in refused.value.message


async def test_an_authority_without_a_certificate_log_needs_no_timestamp(world, tmp_path):
    """As a private Fulcio is: its trusted root names no log."""
    fulcio, _, opened = world
    (tmp_path / "root.json").write_bytes(fulcio.trusted_root(with_log=False))
    fulcio.mood = "no timestamp"

    assert (await (await opened()).sign(b"message")).certificate


TOKENS = {
    "expired": (token(NOW_S - 1), Transient, "has expired"),
    "for somebody else": (token(NOW_S + 60, audience="vault"), Permanent, "wanted audience sigstore"),
    "no token": ("rubbish", Permanent, "no JSON Web Token"),
    "empty": ("", Permanent, "no JSON Web Token"),
}


@pytest.mark.parametrize("which", TOKENS)
async def test_a_token_that_cannot_serve_is_not_sent(world, tmp_path, which):
    """And never shown."""
    fulcio, _, opened = world
    text, kind, told = TOKENS[which]
    (tmp_path / "token").write_text(text)
    with pytest.raises(kind, match=told) as refused:
        await opened()

    assert fulcio.asked == 0
    assert not text or text not in refused.value.message


async def test_a_token_is_read_when_it_is_needed(world, tmp_path):
    """The kubelet renews it on disk."""
    _, day, opened = world
    signer = await opened()
    day.now_s = NOW_S + 7200
    with pytest.raises(Transient, match="has expired"):
        await signer.sign(b"message")
    (tmp_path / "token").write_text(token(NOW_S + 10_000, subject="somebody"))

    assert "somebody" in str(certificates.load_pem_x509_certificate((await signer.sign(b"m")).certificate.encode()).extensions)


async def test_a_provider_that_is_not_there_is_named(world):
    _, _, opened = world
    with pytest.raises(Permanent, match="no provider 'gitlab'") as refused:
        await opened(fulcio_provider="gitlab", identity_token_file="")

    assert "filesystem" in refused.value.message


async def test_the_root_of_the_public_sigstore_is_at_hand_without_a_network(world):
    """It does not know this authority."""
    _, _, opened = world
    with pytest.raises(Untrusted, match="no path from"):
        await opened(trusted_root="")
