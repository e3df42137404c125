"""Which registries may be spoken to, and how: names, addresses, token services."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.errors import Permanent, Reason
from sealwright.core.registry import address
from sealwright.core.registry.address import endpoint


@pytest.mark.parametrize(
    "name", ["ghcr.io", "index.docker.io", "registry.test:5000", "localhost:5000", "[::1]:5000", "10.0.0.7", "a.b-c.example"]
)
def test_registry_with_an_address_is_one(name):
    """With a port or without."""
    assert endpoint(name).authority == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "https:",
            "git+https:",
            "a b",
            "",
            "x/y",
            "user@host",
            "host:",
            "host:99999999",
            "host:70000",
            "[::1",
            "::1]",
            "[::1]x",
        ),
        *("host?q", "host#f", "host%2f", "-host", "host.", "ho\nst", "hóst", "host\\@evil", "a" * 300),
    ],
)
def test_names_that_are_no_address_are_refused(name):
    """Tekton Chains takes some of them for registries; in a URL they would lead elsewhere."""
    with pytest.raises(Permanent) as raised:
        endpoint(name)

    assert raised.value.reason is Reason.INVALID_INPUT


@given(st.text(max_size=40))
def test_whatever_passes_is_one_host_in_a_url(text):
    """No text escapes the place of the host."""
    try:
        found = endpoint(text)
    except Permanent:
        return

    assert not set("/?#@\\ %\n\r\t") & set(found.authority)
    assert found.host


@pytest.mark.parametrize("name", ["library/alpine", "a/b_c/d-e.f", "x", "a__b/c--d"])
def test_repositories_stand_in_a_url_as_they_are(name):
    """The grammar of the distribution specification."""
    assert address.repository(name) == name


@pytest.mark.parametrize("name", ["", "/x", "x/", "x//y", "../x", "x/../y", ".x", "x/.", "X", "x?y", "x%2fy", "x/_y", "a" * 256])
def test_repositories_that_would_leave_their_place_are_refused(name):
    """`/host/x`, which Chains signs, too."""
    with pytest.raises(Permanent):
        address.repository(name)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        *(
            (name, True)
            for name in ("localhost:5000", "a.localhost", "127.0.0.1:5", "[::1]", "10.1.2.3:80", "172.16.0.1", "192.168.1.1")
        ),
        *((name, False) for name in ("ghcr.io", "localhost.evil.test", "11.0.0.1", "172.32.0.1", "127.evil.test", "[fd00::1]")),
    ],
)
def test_only_local_names_may_go_without_tls(name, plain):
    """As in go-containerregistry; all others where an operator asks for it."""
    assert endpoint(name).plain is plain
    assert endpoint(name, insecure=True).plain


DENIED = [
    *(
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
    ),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::127.0.0.1"),
    *("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "255.255.255.255", "240.0.0.1"),
]
PRIVATE = ["10.0.0.1", "172.16.5.5", "192.168.0.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]
PUBLIC = ["1.1.1.1", "2606:4700::1111", "140.82.112.33", "64:ff9b::101:101"]


@pytest.mark.parametrize("text", DENIED)
def test_loopback_link_local_and_metadata_are_denied_under_every_profile(text):
    """However they are written, IPv4 inside IPv6 too."""
    found = ipaddress.ip_address(text)

    assert address.denied(found, strict=False)
    assert address.denied(found, strict=True)


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_are_denied_under_strict_alone(text):
    """Registries of one's own network are what most users of Chains push to."""
    found = ipaddress.ip_address(text)

    assert not address.denied(found, strict=False)
    assert address.denied(found, strict=True)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_not_denied(text):
    """Under no profile."""
    assert not any(address.denied(ipaddress.ip_address(text), strict=strict) for strict in (False, True))


REALMS = [
    ("registry.test:5000", "https://registry.test/token", True),
    ("registry.test:5000", "https://registry.test:5001/token?x=y", True),
    ("registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
    ("index.docker.io", "https://auth.docker.io/token", True),
    ("registry.test", "https://evil.test/token", False),
    ("registry.test", "https://registry.test.evil.example/token", False),
    ("registry.test", "https://evilregistry.test/token", False),
    ("10.0.0.1", "https://0.0.1/token", False),
    ("a.b.example", "https://vouched.example/x", True),
]


@pytest.mark.parametrize(("registry", "realm", "trusted"), REALMS)
def test_logins_go_to_the_registrys_own_token_service_alone(registry, realm, trusted):
    """Its host, its domain, or a host that the operator vouches for."""
    assert address.may_have_logins(endpoint(registry), realm, frozenset({"vouched.example"})) is trusted


@pytest.mark.parametrize(
    "realm",
    [
        *(
            "",
            "registry.test/token",
            "//registry.test/token",
            "ftp://registry.test/",
            "http://registry.test/token",
            "file:///etc/passwd",
        ),
        *(
            "https://user:password@registry.test/",
            "https://registry.test\\@evil.test/",
            "https://",
            "https:///x",
            "https://registry.test/#x",
        ),
        *(
            "https://registry.test/ x",
            "https://registry.test/\nx",
            "https://[registry.test/",
            "https://registry.test:x/",
            "https://a@b/",
        ),
    ],
)
def test_token_services_that_are_no_https_address_are_not_asked(realm):
    """Plain HTTP is for registries that have no TLS themselves."""
    assert not address.may_ask(endpoint("registry.test"), realm)
    assert address.may_ask(endpoint("localhost:5000"), "http://localhost:5000/token")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("docker.io", "index.docker.io", True),
        ("registry-1.docker.io", "index.docker.io", True),
        ("GHCR.io", "ghcr.io", True),
        ("ghcr.io", "ghcr.io:443", False),
        ("ghcr.io", "x.ghcr.io", False),
    ],
)
def test_hosts_match_exactly_but_for_docker_hub(one, other, same):
    """A port is part of the name, a glob is nothing."""
    assert address.is_same_host(one, other) is same
