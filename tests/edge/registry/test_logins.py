"""Logins of a run's ServiceAccount, read from the API server: its own Secrets and nothing else."""

import asyncio
import base64
import json

import pytest
from fakes.clock import EagerClock
from fakes.kube_api import KubeApi

from sealwright.core.errors import Transient
from sealwright.core.registry.logins import Owner
from sealwright.edge.registry.logins import KEPT_S, ServiceAccountLogins

BUILDER = Owner(namespace="team", service_account="builder")


def secret(name, host, password, type_="kubernetes.io/dockerconfigjson"):
    entry = {host: {"username": "u", "password": password}}
    is_old = type_.endswith("dockercfg")
    body = json.dumps(entry if is_old else {"auths": entry}).encode()
    data = {".dockercfg" if is_old else ".dockerconfigjson": base64.b64encode(body).decode()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "team"}, "type": type_, "data": data}


def account(*secrets, name="builder", **more):
    found = {"kind": "ServiceAccount", "metadata": {"name": name, "namespace": "team"}}
    return found | {"secrets": [{"name": each} for each in secrets]} | more


@pytest.fixture
async def server():
    api = KubeApi()
    async with api.api() as client:
        api.client = client
        yield api


def put(server, *objects):
    for each in objects:
        server.kept[
            {"Secret": "secrets", "ServiceAccount": "serviceaccounts"}[each["kind"]], "team", each["metadata"]["name"]
        ] = each


async def password(server, owner=BUILDER, registry="r.test", clock=None):
    login = await ServiceAccountLogins(server.client, clock or EagerClock()).find(owner, registry, "team/app")
    return login and login.password.text


async def test_both_types_of_secrets_that_the_account_lists_are_read(server):
    put(server, account("one", "two"), secret("one", "r.test", "1"), secret("two", "s.test", "2", "kubernetes.io/dockercfg"))

    assert await password(server) == "1"
    assert await password(server, registry="s.test") == "2"
    assert await password(server, registry="t.test") is None


async def test_secrets_that_are_not_listed_and_image_pull_secrets_are_not_read(server):
    """Those pull; and a tenant's Secret that nobody lists is nobody's login."""
    put(server, account(imagePullSecrets=[{"name": "pull"}]), secret("pull", "r.test", "1"), secret("loose", "r.test", "2"))

    assert await password(server) is None
    assert server.count("GET", "/secrets/pull") == server.count("GET", "/secrets/loose") == 0


async def test_an_account_or_secret_that_is_not_there_has_no_login(server):
    """Nobody's error: a registry may need none."""
    assert await password(server) is None
    put(server, account("absent", "one"), secret("one", "r.test", "1"))
    assert await password(server) == "1"


@pytest.mark.parametrize("name", ["../secrets/x", "a/b", "", "A", "x" * 300, "a?b"])
async def test_names_that_would_leave_their_place_are_not_asked_for(server, name):
    """The name comes from the run, or from the account."""
    put(server, account(name, "one"), secret("one", "r.test", "1"))

    assert await password(server, Owner(namespace="team", service_account=name)) is None
    assert await password(server, Owner(namespace=name, service_account="builder")) is None
    assert await password(server) == "1"
    assert all(path.count("/") == 6 for _, path, _ in server.calls)


async def test_a_burst_of_runs_reads_once_and_a_minute_later_again(server):
    """A changed password is in force after a minute, or at once where a registry refused the old one."""
    put(server, account("one"), secret("one", "r.test", "1"))
    clock = EagerClock()
    logins = ServiceAccountLogins(server.client, clock)
    await asyncio.gather(*(logins.find(BUILDER, "r.test", "x") for _ in range(50)))
    assert len(server.calls) == 2

    put(server, secret("one", "r.test", "2"))
    assert (await logins.find(BUILDER, "r.test", "x")).password.text == "1"
    logins.forget(BUILDER)
    assert (await logins.find(BUILDER, "r.test", "x")).password.text == "2"
    put(server, secret("one", "r.test", "3"))
    clock.pass_by(KEPT_S)
    assert (await logins.find(BUILDER, "r.test", "x")).password.text == "3"


async def test_a_right_that_is_missing_says_which(server):
    """It is not taken for "no login": a push as nobody could be refused for ever, or accepted as somebody else."""
    put(server, account("one"))
    server.faults = [(403, {})]
    with pytest.raises(Transient, match="right to get the run's ServiceAccount and its Secrets"):
        await password(server)
