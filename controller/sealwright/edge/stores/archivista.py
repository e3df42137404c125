"""The store `archivista`: in-toto's Archivista, which keeps DSSE envelopes by the git object id of their bytes."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from sealwright.core.config import Settings
from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import Artifact, Attestation, Origin, Payload, Receipt, Signature
from sealwright.core.oci import digest_of
from sealwright.edge.caller import Caller
from sealwright.edge.stores import Tools, needed

NAMES = ("archivista",)
# Above any envelope that is signed.
_ANSWER_LIMIT = 16 << 20
_FOUND_LIMIT = 100
_NOT_HERE = 404
_BY_ID = "query($id: String!) { dsses(first: 1, where: {gitoidSha256: $id}) { edges { node { gitoidSha256 } } } }"
_BY_DIGEST = (
    "query($digest: String!) { dsses(first: 100, where: {hasStatementWith: {hasSubjectsWith: {hasSubjectDigestsWith: "
    "{value: $digest}}}}) { edges { node { gitoidSha256 } } } }"
)


class _Uploaded(msgspec.Struct):
    gitoid: str = ""


class _Node(msgspec.Struct, rename="camel"):
    gitoid_sha256: str


class _Edge(msgspec.Struct):
    node: _Node


class _Edges(msgspec.Struct):
    edges: list[_Edge] = []


class _Data(msgspec.Struct):
    dsses: _Edges


class _Queried(msgspec.Struct):
    """A GraphQL answer. `errors` are told with status 200."""

    data: _Data | None = None
    errors: list[Mapping[str, Any]] = []


class ArchivistaStore:
    """Envelopes only: an image signature is none, and a receipt for nothing would be a false "signed"."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:  # noqa: ARG002  it is named by its bytes
        envelope = attestation.envelope
        if not envelope:
            message = "Archivista keeps envelopes, and an image signature is none: take archivista out of artifacts.oci.storage"
            raise Permanent(Reason.STORE_FAILED, message)
        named = gitoid(envelope)
        if not await self._is_known(named):
            await self._upload(named, envelope)
        if await self._download(named) != envelope:
            raise Transient(Reason.STORE_FAILED, f"{self._caller.url}: what is kept as {named} is not what was uploaded")
        return Receipt(store="archivista", uri=f"{self._caller.url}/download/{named}", digest=digest_of(envelope))

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:  # noqa: ARG002
        """What speaks of an image. A run's provenance is found by its images: ask for one of these."""
        if artifact.sort != "oci":
            return []
        named = await self._query(_BY_DIGEST, digest=artifact.digest.removeprefix("sha256:"))
        if named is None:
            message = f"{self._caller.url}: its GraphQL is turned off, and nothing else finds what speaks of an image"
            raise Permanent(Reason.STORE_FAILED, message)
        envelopes = [await self._download(each) for each in named[:_FOUND_LIMIT]]
        return [_attestation(artifact, envelope) for envelope in envelopes if envelope is not None]

    async def _is_known(self, named: str) -> bool:
        """Whether it is indexed: one that was only half uploaded can be downloaded, and never found."""
        found = await self._query(_BY_ID, id=named)
        return bool(found) if found is not None else await self._download(named) is not None

    async def _upload(self, named: str, envelope: bytes) -> None:
        answer = await self._caller.post("/upload", envelope)
        said = _decoded(_Uploaded, answer.body, self._caller.url).gitoid
        if said != named:
            message = f"{self._caller.url}: it took other bytes than were sent: its id is {quote(said)}, wanted {named}"
            raise Transient(Reason.STORE_FAILED, message)

    async def _download(self, named: str) -> bytes | None:
        """It answers 500 for what it does not have."""
        answer = await self._caller.get(f"/download/{named}", known=(_NOT_HERE, 500))
        return answer.body if answer.status < 300 else None

    async def _query(self, query: str, **variables: str) -> list[str] | None:
        """Ids; None where GraphQL is turned off."""
        body = msgspec.json.encode({"query": query, "variables": variables})
        answer = await self._caller.post("/query", body, known=(_NOT_HERE,))
        if answer.status == _NOT_HERE:
            return None
        found = _decoded(_Queried, answer.body, self._caller.url)
        if found.data is None or found.errors:
            said = quote(found.errors[0].get("message", "") if found.errors else "no data")
            raise Transient(Reason.UNAVAILABLE, f"{self._caller.url}: its GraphQL says: {said}")
        return [edge.node.gitoid_sha256 for edge in found.data.dsses.edges]


def gitoid(body: bytes) -> str:
    """The id of a git blob with these bytes, by SHA-256: hex."""
    return hashlib.sha256(b"blob %d\0" % len(body) + body).hexdigest()


def _attestation(artifact: Artifact, envelope: bytes) -> Attestation:
    return Attestation(
        artifact=artifact,
        format="",
        payload=Payload(media_type="", body=b""),
        signature=Signature(key_id="", raw=b""),
        envelope=envelope,
    )


def _decoded(shape: type[Any], body: bytes, url: str) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Transient(Reason.UNAVAILABLE, f"{url}: its answer is not what Archivista says: {error}") from error


@asynccontextmanager
async def open(settings: Settings, _tools: Tools) -> AsyncIterator[ArchivistaStore]:  # noqa: A001  the verb of every store
    """The server. Raises Permanent(INVALID_CONFIG)."""
    async with Caller(needed(settings, "storage.archivista.url"), "Archivista", _ANSWER_LIMIT) as caller:
        yield ArchivistaStore(caller)
