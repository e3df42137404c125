"""Connections to hosts that a run names: the address is judged at the very socket, after the name is resolved.

So no spelling of an address (`127.1`, a name that resolves anew) and no redirect leads where `core/registry/address.py` says no.
"""

import socket
import ssl
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value
from sealwright.core.registry import address

# Calls to one host at a time; what is above waits, and the others do not.
CALLS_EACH = 8
# No number of any system: aiohttp keeps it when it tells the errors of several addresses as one.
REFUSED = -7


class Refused(OSError):  # noqa: N818  the word for it everywhere
    """An address that may not be spoken to; every one has the same number, so that it survives being told together."""

    def __init__(self, why: str) -> None:
        super().__init__(REFUSED, why)


@value
class Reach:
    """What the operator says of the network: `vouched` hosts are spoken to wherever they are, `ca_file` is trusted
    beside the system's. `insecure` is `storage.oci.repository.insecure`: no TLS, or any certificate.
    """

    vouched: frozenset[str] = frozenset()
    strict: bool = False
    ca_file: str = ""
    insecure: bool = False

    def vouches(self, authority: str) -> bool:
        """Whether the operator names this host, with its port or without."""
        return authority.lower() in self.vouched or address.hostname(authority) in self.vouched


def connector(reach: Reach, tls: ssl.SSLContext, *, is_free: bool) -> aiohttp.TCPConnector:
    """Connections of one kind: to vouched hosts anywhere (`is_free`), to others where it is allowed."""
    return aiohttp.TCPConnector(
        limit=0,  # 1,000 hosts that never answer must not take the places of the others
        limit_per_host=CALLS_EACH,
        ssl=tls,
        socket_factory=_plain if is_free else _judging(reach.strict),
        keepalive_timeout=30,
    )


def _plain(info: Any) -> socket.socket:
    return socket.socket(family=info[0], type=info[1], proto=info[2])


def _judging(strict: bool) -> Callable[[Any], socket.socket]:
    def judged(info: Any) -> socket.socket:
        found = address.as_address(str(info[4][0]).partition("%")[0])
        why = "no address" if found is None else address.denied(found, strict=strict)
        if why:
            raise Refused(why)
        return _plain(info)

    return judged


def tls_of(reach: Reach) -> ssl.SSLContext:
    """Whose certificates are believed. Raises Permanent(INVALID_CONFIG) where `ca_file` holds none."""
    if not reach.ca_file:
        return _systems_tls(is_verifying=not reach.insecure)
    tls = _new_tls(is_verifying=not reach.insecure)
    try:
        tls.load_verify_locations(Path(reach.ca_file))
    except (OSError, ssl.SSLError) as error:
        message = f"storage.oci.ca-file: {quote(reach.ca_file)} cannot be read as certificates in PEM: {error}"
        raise Permanent(Reason.INVALID_CONFIG, message) from error
    return tls


@cache  # reading the system's certificates takes 30 ms
def _systems_tls(*, is_verifying: bool) -> ssl.SSLContext:
    return _new_tls(is_verifying=is_verifying)


def _new_tls(*, is_verifying: bool) -> ssl.SSLContext:
    tls = ssl.create_default_context()
    if not is_verifying:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return tls
