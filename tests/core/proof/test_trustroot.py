"""Trusted roots: read as Sigstore writes them, and refused where they say nothing certain."""

import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fakes import mutation, sigstore, translog
from hypothesis import given, settings

from sealwright.core.errors import Permanent, Reason
from sealwright.core.proof import trustroot


def test_everybody_who_is_named_is_read():
    """With windows, and the name that a tiled log signs under."""
    root = sigstore.read_root()

    assert [log.origin for log in root.logs] == ["", translog.HOST]
    assert [translog.Tree("v1").key.log_id, translog.Tree("v2").key.log_id] == [log.log_id for log in root.logs]
    assert (sigstore.sub(), sigstore.root()) == root.authorities[0].chain
    assert (sigstore.clock(), sigstore.clock_root()) == root.timestampers[0].chain
    assert sigstore.CT.public == root.certificate_logs[0].key
    assert all(
        each.window.holds(sigstore.NOW) for each in (*root.logs, *root.authorities, *root.timestampers, *root.certificate_logs)
    )


def test_members_that_are_not_known_are_left_aside():
    """The file comes from an administrator, and may be newer than this program."""
    root = sigstore.trusted_root() | {"operators": [1], "ctlogs": None}
    root["tlogs"][0]["operator"] = "team"

    assert len(sigstore.read_root(root).logs) == 2
    assert sigstore.read_root(root).certificate_logs == ()


def test_a_key_of_a_kind_that_is_not_accepted_is_left_out():
    """A root may name a log that this program cannot check; it proves nothing then."""
    root = sigstore.trusted_root()
    odd = ec.generate_private_key(ec.SECP224R1()).public_key()
    raw = odd.public_bytes(sigstore.Encoding.DER, sigstore.PublicFormat.SubjectPublicKeyInfo)
    root["tlogs"][0]["publicKey"]["rawBytes"] = sigstore._b64(raw)

    assert len(sigstore.read_root(root).logs) == 1


def test_a_log_of_certificates_is_known_by_its_key_alone():
    """Certificates name it so, whatever the file says."""
    root = sigstore.trusted_root()
    root["ctlogs"][0]["logId"] = {"keyId": sigstore._b64(b"x" * 32)}

    assert sigstore.read_root(root).certificate_logs == sigstore.read_root().certificate_logs


REFUSED = {
    "another media type": (("mediaType",), "application/json"),
    "no key": (("tlogs", 0, "publicKey"), None),
    "a key that is no key": (("tlogs", 0, "publicKey", "rawBytes"), "AAAA"),
    "a key that is no base64": (("tlogs", 0, "publicKey", "rawBytes"), "!"),
    "no log id": (("tlogs", 0, "logId"), None),
    "a short log id": (("tlogs", 0, "logId", "keyId"), "AAAA"),
    "no certificates": (("certificateAuthorities", 0, "certChain", "certificates"), []),
    "nine certificates": (("timestampAuthorities", 0, "certChain", "certificates"), [{"rawBytes": ""}] * 9),
    "a certificate that is none": (("certificateAuthorities", 0, "certChain", "certificates", 0, "rawBytes"), "AAAA"),
    "a time without a zone": (("tlogs", 0, "publicKey", "validFor", "start"), "2023-01-01T00:00:00"),
    "a time that is none": (("tlogs", 0, "publicKey", "validFor", "start"), "yesterday"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_root_is_refused_with(row):
    """Which fault it has is said."""
    path, to = REFUSED[row]
    root = sigstore.trusted_root()
    place = root
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    with pytest.raises(Permanent) as raised:
        sigstore.read_root(root)

    assert Reason.INVALID_INPUT is raised.value.reason


@settings(max_examples=150)
@given(mutation.mutated(sigstore.trusted_root()))
def test_whatever_stands_in_a_root_it_is_read_or_refused(root):
    """Never another exception."""
    with suppress(Permanent):
        trustroot.read(json.dumps(root).encode())


def test_a_root_is_bounded():
    """One megabyte."""
    with pytest.raises(Permanent) as raised:
        trustroot.read(b" " * (1 << 20) + b"{}")

    assert Reason.TOO_LARGE is raised.value.reason
