"""Records as documents of a database: the fields that Chains writes, created and never overwritten, read back."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from sealwright.core.config import without_password
from sealwright.core.envelope import record
from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import Artifact, Attestation, Origin, Receipt, value
from sealwright.core.oci import digest_of

Document = Mapping[str, Any]
URL = "storage.docdb.url"
# Documents of one artifact: Chains' own, and those beside it.
FOUND_LIMIT = 1000


@value
class Address:
    """`storage.docdb.url`, taken apart: `scheme://host/path?options`."""

    scheme: str
    host: str
    path: str
    options: Mapping[str, str]


class Collection(Protocol):
    """Documents by their names. Raises Fault."""

    async def create(self, name: str, document: Document) -> None:
        """Put it there if no document has this name; what is there stays."""

    async def read(self, name: str) -> Document | None: ...

    async def beside(self, name: str) -> Sequence[Document]:
        """Those named `<name>-...`, at most FOUND_LIMIT of them."""


class DocumentStore:
    """`ports.Store` over a collection. `where` is its address before a name, for people."""

    def __init__(self, collection: Collection, where: str) -> None:
        self._collection, self._where = collection, where

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:  # noqa: ARG002  short keys name documents
        document = _document(attestation)
        for name in record.names(attestation):
            await self._collection.create(name, {**document, "Name": name})
            kept = await self._collection.read(name)
            if kept is None:
                raise Transient(Reason.STORE_FAILED, f"{self._where}{name} was acknowledged, and is not there")
            if _parts(kept) == _parts(document):
                return Receipt(store="docdb", uri=self._where + name, digest=digest_of(attestation.stored_signature))
        message = f"{self._where}{name}: something else is kept under a name that only this can have; remove it"
        raise Permanent(Reason.STORE_FAILED, message)

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:  # noqa: ARG002
        first = await self._collection.read(artifact.key)
        others = await self._collection.beside(artifact.key)
        named = sorted((str(each.get("Name", "")), each) for each in others if record.is_of(str(each.get("Name", "")), artifact))
        found = [*([first] if first else []), *(each for _, each in named)]
        return [self._read(artifact, each) for each in found]

    def _read(self, artifact: Artifact, document: Document) -> Attestation:
        where = quote(f"{self._where}{document.get('Name', '')}")
        try:
            signature = base64.b64decode(str(document.get("Signature", "")), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Permanent(Reason.INVALID_INPUT, f"{where}: the field Signature is not base64") from error
        found = {"signature": signature, "cert": _bytes(document, "Cert"), "chain": _bytes(document, "Chain")}
        payload = document.get("Signed")
        return record.read(artifact, found | ({"payload": bytes(payload)} if payload is not None else {}), where)


def address(text: str) -> Address:
    """Raises Permanent(INVALID_CONFIG) for what is no URL of a collection."""
    try:
        parts = urlsplit(text)
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        return Address(scheme=parts.scheme, host=parts.netloc, path=parts.path.strip("/"), options=options)
    except ValueError as error:
        raise Permanent(Reason.INVALID_CONFIG, f"{URL}: {quote(without_password(text))} is no URL: {error}") from error


def refuse_options(found: Address, known: Sequence[str]) -> None:
    """An option that does nothing here could be one that somebody relies on."""
    unknown = sorted(set(found.options) - set(known))
    if unknown:
        message = f"{URL}: {found.scheme}:// has no option {quote(unknown[0])} (there are: {', '.join(known)})"
        raise Permanent(Reason.INVALID_CONFIG, message)


def _document(attestation: Attestation) -> dict[str, Any]:
    """Field by field what Chains writes (chains.md 5.4); numbers become doubles there, since Go reads JSON so."""
    parts = record.parts(attestation)
    return {
        "Signed": parts["payload"],
        "Signature": base64.b64encode(parts["signature"]).decode(),
        "Cert": parts["cert"].decode(),
        "Chain": parts["chain"].decode(),
        "Object": json.loads(parts["payload"], parse_int=float),
    }


def _parts(document: Document) -> tuple[bytes, object, object, object]:
    return bytes(document.get("Signed") or b""), document.get("Signature"), document.get("Cert"), document.get("Chain")


def _bytes(document: Document, name: str) -> bytes:
    return str(document.get(name) or "").encode()
