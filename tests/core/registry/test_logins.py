"""Logins in Docker configurations, and which of them is for which repository."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.errors import Permanent
from sealwright.core.registry import logins
from sealwright.core.registry.logins import choose, read


def config(**auths):
    return json.dumps({"auths": auths}).encode()


def auth(user, password):
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_each_form_of_a_login_is_read():
    """`auth`, name and password, an identity token, a registry token."""
    body = config(
        one=auth("u", "p:with:colons"),
        two={"username": "u", "password": "p"},
        three={"auth": base64.b64encode(b"00000000-0000:").decode(), "identitytoken": "i"},
        four={"registrytoken": "r"},
    )
    one, two, three, four = read(body, "x")

    assert (one.username, one.password.text) == ("u", "p:with:colons")
    assert (two.username, two.password.text) == ("u", "p")
    assert three.identity_token.text == "i"
    assert four.registry_token.text == "r"
    assert base64.b64decode(two.basic) == b"u:p"


def test_the_old_form_has_no_auths():
    """kubernetes.io/dockercfg."""
    (found,) = read(json.dumps({"https://index.docker.io/v1/": auth("u", "p")}).encode(), "x", is_legacy=True)

    assert (found.registry, found.path) == ("index.docker.io", "")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"auths": []}', b'{"auths": {"x": {"auth": "%%%"}}}', b'{"auths": {"x": {"auth": "/w=="}}}', b"[" * 9999],
)
def test_what_is_no_configuration_is_refused_without_its_text(body):
    """A parser's message could quote a password."""
    with pytest.raises(Permanent) as raised:
        read(body, "Secret ns/x")

    assert str(raised.value) == "InvalidInput: Secret ns/x: not a Docker configuration with logins"


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body):
    """Logins, or a fault."""
    with contextlib.suppress(Permanent):
        assert isinstance(read(body, "x"), list)


def test_no_login_shows_its_password():
    """Not in a repr, not in a message (T16)."""
    assert "canary" not in repr(read(config(x=auth("u", "canary"), y={"identitytoken": "canary"}), "x"))


CHOICES = [
    (["r.test"], "r.test", "team/app", "r.test"),
    (["https://r.test/v2/"], "r.test", "team/app", "https://r.test/v2/"),
    (["r.test", "r.test/team"], "r.test", "team/app", "r.test/team"),
    (["r.test/team/app", "r.test/team"], "r.test", "team/app", "r.test/team/app"),
    (["r.test/tea"], "r.test", "team/app", None),
    (["r.test:5000"], "r.test", "team/app", None),
    (["*.test", "*", "test", "x.r.test", "r.test.evil"], "r.test", "team/app", None),
    (["https://index.docker.io/v1/"], "index.docker.io", "library/x", "https://index.docker.io/v1/"),
    (["docker.io"], "index.docker.io", "library/x", "docker.io"),
    (["docker.io"], "docker.io.evil.test", "x/y", None),
    ([], "r.test", "x", None),
]


@pytest.mark.parametrize(("keys", "registry", "repository", "chosen"), CHOICES)
def test_a_login_is_for_its_very_host_and_the_longest_path_wins(keys, registry, repository, chosen):
    """No globs: a tenant's pattern must not decide where a password goes (T17)."""
    body = json.dumps({"auths": {key: {"username": key, "password": "p"} for key in keys}}).encode()
    found = choose(read(body, "x"), registry, repository)

    assert (found and found.username) == chosen


def test_secrets_of_other_types_and_broken_ones_stop_no_good_one():
    """A ServiceAccount lists tokens and more."""
    good = base64.b64encode(config(x=auth("u", "p"))).decode()
    found = logins.secrets_of(
        [
            ("token", "kubernetes.io/service-account-token", {"token": "eA=="}),
            ("broken", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": "%"}),
            ("empty", "kubernetes.io/dockerconfigjson", {}),
            ("good", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": good}),
        ]
    )

    assert [login.source for login in found] == ["good"]
