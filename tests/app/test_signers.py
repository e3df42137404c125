"""How signers are opened: once for each set of settings, and closed when nobody can be using them."""

import pytest
from fakes import folders, signers, spire
from fakes.clock import HandClock
from fakes.equipment import config

from sealwright.app.signers import GRACE_S, Signers, expiries, trusted
from sealwright.core.errors import Permanent, Reason

WORDS = {"x509"}


async def test_a_signer_is_kept_while_its_settings_stay(tmp_path):
    """Unlocking a key takes 64 MiB: a change of another setting does not do it again."""
    opened = Signers(signers.tools(folders.keys(tmp_path)))
    first = await opened.equip(config(), WORDS)
    second = await opened.equip(config(builder_id="https://builder.test"), WORDS)
    third = await opened.equip(config(signers_x509_hash="by-curve"), WORDS)

    assert first["x509"] is second["x509"]
    assert third["x509"] is not second["x509"]
    assert (trusted(first)[0].form, trusted(third)[0].form) == ("sha256", "by-curve")


async def test_a_signer_that_is_replaced_is_closed_when_its_last_user_has_left(tmp_path, monkeypatch):
    """Not while a run may still be signing with it."""
    clock, closed = HandClock(), []
    opened = Signers(signers.tools(folders.keys(tmp_path), clock))
    old = (await opened.equip(config(), WORDS))["x509"]

    async def close():
        closed.append("old")

    monkeypatch.setattr(old, "close", close)
    await opened.equip(config(signers_x509_hash="by-curve"), WORDS)
    await clock.advance(GRACE_S - 1)
    assert closed == []
    await clock.advance(1)

    assert closed == ["old"]


async def test_what_cannot_be_opened_leaves_everything_as_it_was(tmp_path):
    """The bad configuration is refused, and the good one goes on."""
    keys = folders.keys(tmp_path)
    opened = Signers(signers.tools(keys))
    first = await opened.equip(config(), WORDS)
    with pytest.raises(Permanent) as refused:
        await opened.equip(config(artifacts_oci_signer="kms", signers_kms_kmsref="gcpkms//wrong"), {"kms", "x509"})

    assert refused.value.reason is Reason.INVALID_CONFIG
    assert "signers.kms.kmsref" in refused.value.message
    assert (await opened.equip(config(), WORDS))["x509"] is first["x509"]


async def test_a_namespace_signs_with_its_own_key_and_the_others_with_theirs(tmp_path):
    """As the operator's list says, first line first; a tenant has no word in it."""
    keys = folders.keys(tmp_path)
    (keys / "team-a.pem").write_bytes((folders.keys(tmp_path / "other", 1) / "x509.pem").read_bytes())
    chosen = config(**{"keys.by-namespace": "team-a file:team-a\nteam-* file:team-a\n"})
    opened = await Signers(signers.tools(keys)).equip(chosen, chosen.signers_in_use)
    found = {namespace: opened[chosen.signer(namespace, chosen.taskrun)].key_id for namespace in ("team-a", "team-b", "tea", "x")}
    own, common = (signers.key("ecdsa-p256", number).public.key_id for number in (1, 0))

    assert found == {"team-a": own, "team-b": own, "tea": common, "x": common}


async def test_a_key_of_a_namespace_that_is_not_there_refuses_the_configuration(tmp_path):
    """Signing with the common key instead would be silent weakening (T50)."""
    chosen = config(**{"keys.by-namespace": "team-a file:team-a"})
    with pytest.raises(Permanent, match=r"wanted team-a\.pem, or team-a\.key with team-a\.password"):
        await Signers(signers.tools(folders.keys(tmp_path))).equip(chosen, chosen.signers_in_use)


async def test_a_key_that_was_replaced_counts_while_its_public_half_is_kept(tmp_path):
    """previous*.pub in the folder of keys; when the file goes, so does the trust."""
    keys = folders.keys(tmp_path, 1)
    opened = await Signers(signers.tools(keys)).equip(config(), WORDS)
    new, old = (signers.key("ecdsa-p256", number).public for number in (1, 0))
    assert [each.key for each in trusted(opened)] == [new]
    (keys / "previous-2025.pub").write_bytes(old.pem)
    assert await opened["x509"].refresh()
    assert [each.key for each in trusted(opened)] == [new, old]
    (keys / "previous-2025.pub").unlink()
    assert await opened["x509"].refresh()

    assert [each.key for each in trusted(opened)] == [new]


async def test_a_broken_previous_key_is_named(tmp_path):
    keys = folders.keys(tmp_path)
    (keys / "previous.pub").write_bytes(b"rubbish")
    with pytest.raises(Permanent, match=r"previous\.pub': public key: no PEM block"):
        await Signers(signers.tools(keys)).equip(config(), WORDS)


async def test_what_expires_is_told_and_what_does_not_is_not(tmp_path):
    keys = folders.keys(tmp_path)
    with spire.Agent().serving(tmp_path) as socket:
        chosen = config(artifacts_oci_signer="spiffe", signers_spiffe_socket=socket)
        opened = Signers(signers.tools(keys))
        found = expiries(await opened.equip(chosen, chosen.signers_in_use))
        await opened.close()

    assert found == {"spiffe": 1e9 + 3600}
