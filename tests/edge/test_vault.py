"""How to log in to Vault: Chains' five ways, and what happens when a token is spent."""

import pytest
from fakes import keyservices, signers, spire
from fakes.clock import HandClock

from sealwright.core.config import Secret
from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge.signers import kms


@pytest.fixture
async def vault():
    """A keeper of keys, and how to open a signer over it."""
    keeper, clock = keyservices.Keeper(), HandClock()
    async with keyservices.serving(keyservices.vault_server(keeper)) as address:

        async def opened(environment=None, **settings):
            named = {name.replace("__", "-").replace("_", "."): text for name, text in settings.items()}
            wanted = {"kmsref": "hashivault://release", "auth.address": f"http://{address}", **named}
            return await kms.open(wanted, signers.tools(clock=clock, **(environment or {})))

        yield keeper, clock, opened


JWT_LOGIN = {"auth_oidc_path": "kubernetes", "auth_oidc_role": keyservices.ROLE}


async def test_a_token_in_the_setting_or_the_environment_serves(vault):
    """The setting goes first."""
    _, _, opened = vault
    for signer in (
        await opened(auth_token=Secret(text="hvs.0")),
        await opened({"VAULT_TOKEN": "hvs.0"}),
        await opened({"BAO_TOKEN": "hvs.0"}),
        await opened({"VAULT_TOKEN": "wrong"}, auth_token=Secret(text="hvs.0")),
    ):
        assert (await signer.sign(b"message")).key_id == signers.key().public.key_id
        await signer.close()


async def test_a_service_account_logs_in_once_and_again_before_its_token_is_spent(vault, tmp_path):
    """An hour's lease is renewed after two thirds of it."""
    keeper, clock, opened = vault
    (tmp_path / "jwt").write_text(f"{keyservices.JWT}\n")
    signer = await opened(**JWT_LOGIN, auth_oidc_token__path=str(tmp_path / "jwt"))
    for _ in range(3):
        await signer.sign(b"message")
    assert len(keeper.tokens) == 2
    await clock.advance(2400)
    await signer.sign(b"message")
    assert len(keeper.tokens) == 3
    await signer.close()


async def test_a_token_that_is_revoked_is_replaced_once(vault, tmp_path):
    """One login, and the signature goes on."""
    keeper, _, opened = vault
    (tmp_path / "jwt").write_text(keyservices.JWT)
    signer = await opened(**JWT_LOGIN, auth_oidc_token__path=str(tmp_path / "jwt"))
    keeper.tokens.clear()
    await signer.sign(b"message")
    assert len(keeper.tokens) == 1
    await signer.close()


async def test_a_token_that_is_renewed_on_disk_is_read_again(vault, tmp_path):
    """When the old one is refused."""
    keeper, _, opened = vault
    (tmp_path / "token").write_text("hvs.0\n")
    signer = await opened(auth_token__path=str(tmp_path / "token"))
    keeper.tokens[:] = ["hvs.new"]
    with pytest.raises(Permanent) as refused:
        await signer.sign(b"message")
    assert refused.value.reason is Reason.KEY_DENIED
    assert "update on transit/sign/release" in refused.value.message
    (tmp_path / "token").write_text("hvs.new\n")
    await signer.sign(b"message")
    await signer.close()


async def test_spire_gives_the_jwt_where_its_socket_is_named(vault, tmp_path, monkeypatch):
    keeper, _, opened = vault
    agent = spire.Agent()
    monkeypatch.setattr(keyservices, "JWT", agent.jwt("vault"))
    with agent.serving(tmp_path) as socket:
        signer = await opened(**JWT_LOGIN, auth_spire_sock=socket, auth_spire_audience="vault")
        await signer.sign(b"message")
        await signer.close()

    assert len(keeper.tokens) == 2


WRONG = {
    "nothing to log in with": ({}, {}, Permanent, Reason.KEY_DENIED, "token-path"),
    "a file that is not there": ({"auth_token__path": "/none/token"}, {}, Transient, Reason.UNAVAILABLE, "/none/token"),
    "a role that is unknown": (
        {"auth_oidc_path": "kubernetes", "auth_oidc_role": "other", "auth_oidc_token__path": "/etc/hostname"},
        {},
        Permanent,
        Reason.KEY_UNUSABLE,
        "invalid role or jwt",
    ),
    "a key that is not there": (
        {"kmsref": "hashivault://other", "auth_token": Secret(text="hvs.0")},
        {},
        Permanent,
        Reason.KEY_MISSING,
        "404",
    ),
    "no such reference": ({"kmsref": "hashivault://a/b"}, {}, Permanent, Reason.INVALID_CONFIG, "hashivault://KEY"),
    "no address": ({"auth_address": ""}, {}, Permanent, Reason.INVALID_CONFIG, "auth.address"),
}


@pytest.mark.parametrize("which", WRONG)
async def test_what_is_wrong_is_told_and_no_secret_is(vault, which):
    _, _, opened = vault
    settings, environment, kind, reason, told = WRONG[which]
    with pytest.raises(kind) as refused:
        await opened(environment, **settings)

    assert refused.value.reason is reason
    assert told in refused.value.message
    assert "hvs.0" not in refused.value.message


async def test_versions_that_vault_still_shows_count(vault):
    """What its administrators retire (min_decryption_version) is not shown, and counts no more."""
    keeper, _, opened = vault
    keeper.rotate()
    signer = await opened(auth_token=Secret(text="hvs.0"))
    await signer.close()

    assert [each.key for each in signer.held.previous] == [keeper.versions[0].public]


async def test_an_answer_by_another_version_is_refused(vault):
    """Even before its signature is looked at."""
    keeper, _, opened = vault
    signer = await opened(auth_token=Secret(text="hvs.0"))
    keeper.rotate()
    keeper.answers_as = 2
    with pytest.raises(Transient, match="version 2 signed, and version 1 was asked for"):
        await signer.sign(b"message")
    await signer.close()
