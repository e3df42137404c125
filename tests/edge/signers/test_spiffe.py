"""The SPIFFE signer: one client for all signatures, and a key that the agent replaces."""

import pytest
from cryptography import x509
from fakes import signers, spire

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge.signers import spiffe


async def test_the_certificate_that_goes_with_a_signature_names_the_workload(tmp_path):
    async with spire.opened(tmp_path) as signer:
        signature = await signer.sign(b"message")
    leaf = x509.load_pem_x509_certificate(signature.certificate.encode())
    keys.verify(keys.public_key(leaf.public_key()), "sha256", b"message", signature.raw)
    named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert named.get_values_for_type(x509.UniformResourceIdentifier) == [spire.ID]


async def test_the_agent_is_asked_once_for_many_signatures(tmp_path):
    """And once more when half of the time is over (T43)."""
    agent, now = spire.Agent(), [1e9]
    async with spire.opened(tmp_path, agent, unix_s=lambda: now[0]) as signer:
        for number in range(50):
            await signer.sign(b"%d" % number)
        assert agent.asked == 1
        agent.number, agent.now_s, now[0] = 1, 1e9 + 1800, 1e9 + 1800
        assert await signer.refresh()
        second = await signer.sign(b"message")

    assert agent.asked == 2
    assert second.key_id == signers.key("ecdsa-p256", 602).public.key_id


@pytest.mark.parametrize(
    ("mood", "kind", "reason"), [("denied", Permanent, Reason.KEY_DENIED), ("down", Transient, Reason.UNAVAILABLE)]
)
async def test_an_agent_that_gives_nothing_says_why(tmp_path, mood, kind, reason):
    agent = spire.Agent()
    agent.mood = mood
    with pytest.raises(kind, match="registration entry") as refused:
        async with spire.opened(tmp_path, agent):
            pass

    assert refused.value.reason is reason


async def test_without_an_agent_it_says_so(tmp_path):
    """No socket is named, or nothing listens there."""
    with pytest.raises(Permanent, match=r"signers\.spiffe\.socket"):
        await spiffe.open({}, signers.tools())
    with pytest.raises(Transient, match="is the agent's socket mounted"):
        await spiffe.open({"socket": f"unix://{tmp_path}/none.sock"}, signers.tools())
