"""in-toto Statements <-> bytes, and the JSON that Go would write.

A Statement is encoded once, deterministically: members in the specification's order, the predicate's keys sorted bytewise at
every depth, no spaces, numbers as the doubles that a protobuf Struct holds. Sources: in-toto attestation framework, Statement
v1 and v0.1; protobuf's JSON mapping.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, Untrusted, quote
from sealwright.core.model import Payload, Subject

MEDIA_TYPE = "application/vnd.in-toto+json"
V01 = "https://in-toto.io/Statement/v0.1"
V1 = "https://in-toto.io/Statement/v1"

_sorted = msgspec.json.Encoder(order="sorted")
_HTML = ((b"<", rb"\u003c"), (b">", rb"\u003e"), (b"&", rb"\u0026"), (b"\xe2\x80\xa8", rb"\u2028"), (b"\xe2\x80\xa9", rb"\u2029"))
_SAFE_INTEGER = 1 << 53  # above it a double no longer holds each integer


class _Subject(msgspec.Struct, omit_defaults=True):
    name: str = ""
    digest: dict[str, str] = {}


class _Statement(msgspec.Struct, omit_defaults=True):
    type_: str = msgspec.field(name="_type")
    subject: list[_Subject] = []
    predicate_type: str = msgspec.field(default="", name="predicateType")
    predicate: msgspec.Raw = msgspec.Raw(b"")


def encode(type_: str, subjects: Iterable[Subject], predicate_type: str, predicate: dict[str, Any]) -> bytes:
    """The Statement's bytes; no subject leaves the member out, as Chains does.

    Raises Permanent(TOO_LARGE) above `strict.STATEMENT_LIMIT`: what is signed must be something that we would also read.
    """
    subject = [_Subject(found.name, dict(sorted(found.digest.items()))) for found in subjects]
    body = msgspec.Raw(_sorted.encode(predicate))
    encoded = msgspec.json.encode(_Statement(type_, subject, predicate_type, body))
    if len(encoded) > strict.STATEMENT_LIMIT:
        limit = f"more than the {strict.STATEMENT_LIMIT} that verifiers read; use a build type that embeds less"
        raise Permanent(Reason.TOO_LARGE, f"the statement has {len(encoded)} bytes, {limit}")
    return encoded


def payload(type_: str, subjects: tuple[Subject, ...], predicate_type: str, predicate: dict[str, Any]) -> Payload:
    """The Statement to sign, and what it says of itself. Raises like `encode`."""
    return Payload(
        media_type=MEDIA_TYPE,
        body=encode(type_, subjects, predicate_type, predicate),
        predicate_type=predicate_type,
        subjects=subjects,
        materials=materials(predicate),
    )


def go_json(value: Any) -> bytes:
    """JSON as Go's encoding/json writes it: HTML-escaped, no spaces, members in the order given."""
    return escaped(msgspec.json.encode(value))


def escaped(body: bytes) -> bytes:
    """JSON with the characters escaped that Go escapes for HTML's sake."""
    for char, escape in _HTML:
        if char in body:
            body = body.replace(char, escape)
    return body


def doubles(value: Any) -> Any:
    """The same value as protobuf's Struct would hold and write it: every number a double, integral ones without a point."""
    if isinstance(value, dict):
        return {key: doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [doubles(item) for item in value]
    if isinstance(value, float) or (isinstance(value, int) and not -_SAFE_INTEGER <= value <= _SAFE_INTEGER):
        return double(float(value))
    return value


def double(number: float) -> msgspec.Raw:
    """A number as Go and protojson write it: shortest digits; exponents only below 1e-6 and from 1e21 on."""
    if number == 0 or 1e-6 <= abs(number) < 1e21:
        return msgspec.Raw(format(Decimal(repr(number)), "f").removesuffix(".0").encode())
    mantissa, _, exponent = repr(number).partition("e")
    return msgspec.Raw(f"{mantissa}e{int(exponent):+d}".encode())


# --- reading ------------------------------------------------------------------------------------------------------------

_KNOWN = ("_type", "subject", "predicateType", "predicate")


def parse(body: bytes) -> tuple[Payload, dict[str, Any]]:
    """The Payload and predicate of signed bytes; unknown members are allowed, doubtful ones are not.

    Raises Untrusted(BAD_STATEMENT), and Permanent for what `strict.loads` refuses.
    """
    found = strict.loads(body, "the statement", strict.STATEMENT_LIMIT)
    if not isinstance(found, dict):
        raise _bad("it is no JSON object")
    strict.refuse_lookalike_keys(found, _KNOWN, "the statement")
    if found.get("_type") not in (V01, V1):
        raise _bad(f"_type is {quote(found.get('_type'))}, wanted {V1} or {V01}")
    predicate_type, predicate = found.get("predicateType"), found.get("predicate", {})
    if not isinstance(predicate_type, str) or not predicate_type or not isinstance(predicate, dict):
        raise _bad("predicateType must be text and predicate an object")
    subjects = tuple(_subject(entry, n) for n, entry in enumerate(_list(found.get("subject"), "subject")))
    payload = Payload(
        media_type=MEDIA_TYPE, body=body, predicate_type=predicate_type, subjects=subjects, materials=materials(predicate)
    )
    return payload, predicate


def materials(predicate: dict[str, Any]) -> tuple[Subject, ...]:
    """What a SLSA predicate (v0.2 or v1) or a link (v0.3, by name) says went in; entries of another shape are left out."""
    definition = predicate.get("buildDefinition")
    listed = definition.get("resolvedDependencies") if isinstance(definition, dict) else predicate.get("materials")
    key = "name" if "environment" in predicate else "uri"
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    return tuple(
        Subject(name=entry[key], digest=_digests(entry.get("digest"))) for entry in entries if isinstance(entry.get(key), str)
    )


def builder_id(predicate: Mapping[str, Any]) -> str:
    """Who a SLSA predicate (v0.2 or v1) says built it; "" where it does not say."""
    details = predicate.get("runDetails")
    builder = details.get("builder") if isinstance(details, dict) else predicate.get("builder")
    found = builder.get("id") if isinstance(builder, dict) else ""
    return found if isinstance(found, str) else ""


def _subject(entry: Any, n: int) -> Subject:
    if not isinstance(entry, dict):
        raise _bad(f"subject[{n}] is no object")
    strict.refuse_lookalike_keys(entry, ("name", "digest"), f"subject[{n}]")
    name, digest = entry.get("name", ""), _digests(entry.get("digest"))
    if not isinstance(name, str) or not digest or len(digest) != len(entry["digest"]):
        raise _bad(f"subject[{n}] needs a name and at least one digest, all of them text")
    return Subject(name=name, digest=digest)


def _digests(found: Any) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {name: digits for name, digits in found.items() if isinstance(digits, str) and digits}


def _list(found: Any, name: str) -> list[Any]:
    if found is not None and not isinstance(found, list):
        raise _bad(f"{name} is no list")
    return found or []


def _bad(why: str) -> Untrusted:
    return Untrusted(Reason.BAD_STATEMENT, f"not an in-toto Statement: {why}")
