"""What an entry's body tells a person who has nothing else: which digest, and by whose keys.

Shown, never trusted: `core/proof/logbody` compares a body with what is in hand.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography import x509
from cryptography.x509 import SubjectAlternativeName

from sealwright.core import keys, strict
from sealwright.core.envelope.rekor.wire import ANSWER_LIMIT
from sealwright.core.errors import Permanent
from sealwright.core.model import LogEntry, value

# Where the kinds of Rekor v1 keep the digest that says most, and their keys.
_DIGESTS = (("payloadHash",), ("content", "payloadHash"), ("data", "hash"), ("content", "hash"))
_KEYS = (("signature", "publicKey", "content"), ("publicKey",))
_LISTS = ((("signatures",), "verifier"), (("content", "envelope", "signatures"), "publicKey"))


@value
class Told:
    """`digest` is `algorithm:hex`, empty where the body is of a kind that is not known; `authors` are key ids and identities."""

    digest: str
    authors: tuple[str, ...]


def told(entry: LogEntry) -> Told:
    """Raises Permanent, as `strict.loads`, for a body that is no JSON object."""
    body = strict.loads(entry.body, "the entry's body", ANSWER_LIMIT)
    spec = _at(body, "spec")
    digests = (_at(spec, *path) for path in _DIGESTS)
    digest = next((f"{found.get('algorithm')}:{found.get('value')}" for found in digests if isinstance(found, Mapping)), "")
    return Told(digest=digest, authors=tuple(dict.fromkeys(map(_author, _written(spec)))))


def _written(spec: Any) -> Iterator[str]:
    yield from (found for path in _KEYS if isinstance(found := _at(spec, *path), str))
    for path, name in _LISTS:
        listed = _at(spec, *path)
        for each in listed if isinstance(listed, list) else ():
            found = _at(each, name)
            if isinstance(found, str):
                yield found


def _author(text: str) -> str:
    try:
        written = base64.b64decode(text, validate=True)
        if b"BEGIN CERTIFICATE" in written:
            return _identity(x509.load_pem_x509_certificate(written))
        return keys.load_public(written).key_id
    except (binascii.Error, ValueError, Permanent):
        return "a key that cannot be read"


def _identity(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return certificate.subject.rfc4514_string() or "a certificate without a name"
    return ", ".join(str(name.value) for name in names)


def _at(found: Any, *path: str) -> Any:
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
