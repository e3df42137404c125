"""Where a registry is: which hosts may be spoken to without TLS, and which names are no registry at all.

`core/oci.py` takes whatever Tekton Chains signs; much of that is no address (`https:`), and none of it is safe in a URL. What
passes here is. Source of the plain-HTTP rule: go-containerregistry 0.21, `name.Registry.Scheme` (chains.md 2.3).
"""

import ipaddress
import re

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value

# RFC 1123 names, or an address in brackets; a port of at most five digits.
_HOST = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,252}[A-Za-z0-9])?|\[[0-9a-fA-F:.]{2,45}\])"
_AUTHORITY = re.compile(rf"{_HOST}(?::(?P<port>[0-9]{{1,5}}))?")
# What may follow is ASCII without spaces and fragments: readers of URLs disagree on the rest. No user, no password.
_URL = re.compile(rf"(?P<scheme>https?)://(?P<authority>{_HOST}(?::[0-9]{{1,5}})?)(?:[/?][!\"$-\[\]-~]*)?")
# OCI distribution specification 1.1, "Pulling manifests": <name>.
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")

_PRIVATE_V4 = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
# One registry under three names; logins are kept under any of them.
DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@value
class Endpoint:
    """A registry. `authority` is `host` or `host:port` as a URL has it; `plain` allows HTTP where there is no TLS.

    `unverified` takes any certificate: `storage.oci.repository.insecure` asks for that.
    """

    authority: str
    plain: bool = False
    unverified: bool = False

    @property
    def host(self) -> str:
        """The name or address without port and brackets, lower case."""
        return hostname(self.authority)


def endpoint(registry: str, *, insecure: bool = False) -> Endpoint:
    """The registry of an image reference. Raises Permanent(INVALID_INPUT) for a name that is no address."""
    found = _AUTHORITY.fullmatch(registry)
    if not found or int(found["port"] or 0) > 65535:
        raise Permanent(Reason.INVALID_INPUT, f"{quote(registry)} is no registry that can be spoken to: wanted host or host:port")
    return Endpoint(authority=registry.lower(), plain=insecure or _is_local(hostname(registry)), unverified=insecure)


def repository(name: str) -> str:
    """The same name, if it can stand in a URL as it is. Raises Permanent(INVALID_INPUT)."""
    if len(name) > 255 or not _NAME.fullmatch(name):
        raise Permanent(Reason.INVALID_INPUT, f"{quote(name)} is no repository that a registry can have")
    return name


def hostname(authority: str) -> str:
    """`host`, `host:port` or `[v6]:port` without port and brackets, lower case."""
    front, colon, port = authority.rpartition(":")
    host = front if colon and port.isdecimal() else authority
    return host.strip("[]").lower()


def is_same_host(one: str, other: str) -> bool:
    """Whether two `host[:port]` name one registry: the very same, or two names of Docker Hub."""
    one, other = one.lower(), other.lower()
    return one == other or (one in DOCKER_HUB and other in DOCKER_HUB)


def may_ask(registry: Endpoint, realm: str) -> bool:
    """Whether a token service at the URL `realm` may be asked at all: TLS is left out only where the registry itself has none."""
    found = _URL.fullmatch(realm)
    return found is not None and (found["scheme"] == "https" or registry.plain)


def may_have_logins(registry: Endpoint, realm: str, vouched: frozenset[str]) -> bool:
    """Whether that service may see logins for this registry.

    It may if it is on the registry's own host, on or below the domain that the registry's host is in
    (`registry.gitlab.com` has its service on `gitlab.com`), or on a host that the operator vouches for.
    """
    found = _URL.fullmatch(realm)
    if found is None:
        return False
    authority = found["authority"].lower()
    host = hostname(authority)
    _, _, domain = registry.host.partition(".")
    is_near = "." in domain and as_address(registry.host) is None and (host == domain or host.endswith(f".{domain}"))
    return host == registry.host or is_near or host in vouched or authority in vouched


def as_address(text: str) -> Address | None:
    """The IP address that this text is, or None. Zones are no part of an address here."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def denied(address: Address, *, strict: bool) -> str:
    """Why nobody may be led to this address by what a run says; "" if one may.

    Loopback, link-local and metadata services are refused always, private addresses under `profile: strict` (design D19).
    IPv4 inside IPv6 (mapped, 6to4, NAT64) is judged as the IPv4 it leads to.
    """
    inner = _inner(address)
    if inner.is_loopback or inner.is_unspecified:
        return "a loopback address"
    if inner.is_link_local or str(inner) in _METADATA:
        return "a link-local or metadata address"
    if inner.is_multicast or (isinstance(inner, ipaddress.IPv4Address) and (inner.is_reserved or int(inner) >> 24 == 0)):
        return "no address of one host"
    return "a private address, and profile is strict" if strict and not inner.is_global else ""


# Metadata services outside the link-local ranges: AWS over IPv6, Alibaba Cloud, Oracle Cloud, Azure's wire server.
_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _inner(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and 1 < int(address) <= 0xFFFFFFFF:
        embedded = ipaddress.IPv4Address(int(address))  # IPv4-compatible, long deprecated, still routed by some
    return embedded or address


def _is_local(host: str) -> bool:
    """Names and addresses that go-containerregistry speaks HTTP to, should they have no TLS."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    found = as_address(host)
    if found is None:
        return False
    return found.is_loopback or (isinstance(found, ipaddress.IPv4Address) and any(found in network for network in _PRIVATE_V4))
