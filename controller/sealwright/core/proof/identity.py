"""Who a certificate speaks for, and whether that is who was asked for.

Sources: RFC 5280, 4.2.1.6 (names); Fulcio's oid-info.md (issuer and claims).
"""

import ipaddress
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from sealwright.core import der
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.model import Identity, value

_ARC = "1.3.6.1.4.1.57264.1"
_ISSUER_V1, _ISSUER_V2, _USER_NAME = f"{_ARC}.1", f"{_ARC}.8", f"{_ARC}.7"
# Number below the arc -> the claim's name; up to 6 the value stands as it is, from 8 on as a UTF8String.
_CLAIMS = {
    2: "githubWorkflowTrigger",
    3: "githubWorkflowSHA",
    4: "githubWorkflowName",
    5: "githubWorkflowRepository",
    6: "githubWorkflowRef",
    9: "buildSignerURI",
    10: "buildSignerDigest",
    11: "runnerEnvironment",
    12: "sourceRepositoryURI",
    13: "sourceRepositoryDigest",
    14: "sourceRepositoryRef",
    15: "sourceRepositoryIdentifier",
    16: "sourceRepositoryOwnerURI",
    17: "sourceRepositoryOwnerIdentifier",
    18: "buildConfigURI",
    19: "buildConfigDigest",
    20: "buildTrigger",
    21: "runInvocationURI",
    22: "sourceRepositoryVisibilityAtSigning",
    23: "deploymentEnvironment",
}
_UTF8_STRING = 0x0C
_WHAT = "the certificate"
# What a pattern may cost: RE2 is linear in both.
_PATTERN_LIMIT, _TEXT_LIMIT = 4 << 10, 8 << 10


@value
class TrustedIdentity:
    """A signer that the verifier's user trusts: a name and who vouches for it, each exact or as a pattern.

    Patterns are RE2's and always for the whole text. One of the two forms of each is set, never both. Certificates of other
    authorities than Fulcio name no issuer: `any_issuer` accepts them, and every other.
    """

    name: str = ""
    name_pattern: str = ""
    issuer: str = ""
    issuer_pattern: str = ""
    any_issuer: bool = False

    def __post_init__(self) -> None:
        """Refuse what would ask for nothing. Raises Permanent(INVALID_INPUT)."""
        if bool(self.name) == bool(self.name_pattern):
            raise Permanent(Reason.INVALID_INPUT, "a trusted identity needs its name, or a pattern for it, and not both")
        if self.any_issuer + bool(self.issuer) + bool(self.issuer_pattern) != 1:
            raise Permanent(Reason.INVALID_INPUT, "a trusted identity needs its issuer, or a pattern for it, and not both")
        for pattern in filter(None, (self.name_pattern, self.issuer_pattern)):
            _compiled(pattern)

    def __str__(self) -> str:
        name = quote(self.name) if self.name else f"a name like {quote(self.name_pattern)}"
        issuer = quote(self.issuer) if self.issuer else f"one like {quote(self.issuer_pattern)}"
        return f"{name} by {'any issuer' if self.any_issuer else issuer}"


def of_certificate(certificate: x509.Certificate) -> Identity:
    """The names, issuer and claims in a signer's certificate. Raises Untrusted(BAD_CERTIFICATE) where they cannot be read."""
    try:
        claims = _claims(certificate)
        return Identity(names=_names(certificate), issuer=_issuer(certificate), claims=claims)
    except (Permanent, ValueError, x509.UnsupportedGeneralNameType) as error:
        if isinstance(error, Untrusted):
            raise
        raise Untrusted(Reason.BAD_CERTIFICATE, f"who the certificate is for cannot be read: {quote(error)}") from error


def expect(found: Identity, wanted: tuple[TrustedIdentity, ...]) -> str:
    """Prove that the certificate is for one of these; the step in words. Raises Untrusted(WRONG_IDENTITY)."""
    for each in wanted:
        for kind, name in found.names:
            if _is_like(name, each.name, each.name_pattern) and (
                each.any_issuer or _is_like(found.issuer, each.issuer, each.issuer_pattern)
            ):
                return f"it is for the {kind} {quote(name)}" + (
                    f", for whom {quote(found.issuer)} vouched" if found.issuer else ""
                )
    names = ", ".join(quote(name) for _, name in found.names[:3]) or "nobody"
    asked = "; or ".join(map(str, wanted[:3])) or "nobody"
    issuer = quote(found.issuer) if found.issuer else "no issuer"
    raise Untrusted(Reason.WRONG_IDENTITY, f"the certificate is for {names} by {issuer}, wanted {asked}")


def _is_like(text: str, exact: str, pattern: str) -> bool:
    if exact:
        return text == exact
    return bool(text) and len(text) <= _TEXT_LIMIT and _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    """The pattern, by RE2's rules. It must compile by itself, so that no bracket in it can end what it is matched as."""
    if len(pattern) > _PATTERN_LIMIT:
        raise Permanent(
            Reason.INVALID_INPUT, f"a pattern of {len(pattern)} characters, more than the {_PATTERN_LIMIT} that are read"
        )
    try:
        import re2  # noqa: PLC0415  an extra
    except ImportError as error:
        raise Permanent(Reason.INVALID_INPUT, "patterns for identities need RE2: install sealwright[policy]") from error
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise Permanent(Reason.INVALID_INPUT, f"the pattern {quote(pattern)} is not one of RE2: {quote(error)}") from error


def _names(certificate: x509.Certificate) -> tuple[tuple[str, str], ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name for each in found if (name := _name(each)) is not None)


def _name(name: x509.GeneralName) -> tuple[str, str] | None:
    match name:
        case x509.UniformResourceIdentifier(value=text):
            return "uri", text
        case x509.RFC822Name(value=text):
            return "email", text
        case x509.DNSName(value=text):
            return "dns", text
        case x509.IPAddress(value=ipaddress.IPv4Address() | ipaddress.IPv6Address() as address):
            return "ip", str(address)
        case x509.OtherName(type_id=kind, value=raw) if kind.dotted_string == _USER_NAME:
            return "other", _text(raw)
    return None


def _issuer(certificate: x509.Certificate) -> str:
    """The second form is the one to read; where both stand they must agree, or readers of one would see another."""
    old, new = _raw(certificate, _ISSUER_V1), _raw(certificate, _ISSUER_V2)
    found = _text(new) if new is not None else None
    if found is not None and old is not None and old.decode() != found:
        raise Untrusted(Reason.BAD_CERTIFICATE, "the certificate names two issuers that differ")
    return found if found is not None else (old or b"").decode()


def _claims(certificate: x509.Certificate) -> dict[str, str]:
    found = {}
    for number, name in _CLAIMS.items():
        raw = _raw(certificate, f"{_ARC}.{number}")
        if raw is not None:
            found[name] = raw.decode() if number < 8 else _text(raw)
    return found


def _raw(certificate: x509.Certificate, dotted: str) -> bytes | None:
    try:
        extension = certificate.extensions.get_extension_for_oid(ObjectIdentifier(dotted)).value
    except x509.ExtensionNotFound:
        return None
    return extension.public_bytes()


def _text(raw: bytes) -> str:
    return der.one(raw, _UTF8_STRING, _WHAT).body.decode()
