"""How signers are opened: once for each set of settings, and closed when nobody can be using them."""

import pytest
from fakes import folders, signers
from fakes.clock import HandClock
from fakes.equipment import config

from sealwright.app.signers import GRACE_S, Signers, trusted
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
