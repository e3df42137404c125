"""The store `grafeas`: notes and occurrences of Google's Container Analysis, or of another Grafeas server, by REST."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote as escaped
from urllib.parse import urlencode, urlsplit

import msgspec

from sealwright.core.config import Settings
from sealwright.core.envelope import grafeas
from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import Artifact, Attestation, Origin, Receipt, value
from sealwright.core.oci import digest_of
from sealwright.edge import google
from sealwright.edge.caller import NO_HEADERS, Caller
from sealwright.edge.stores import Tools, needed

NAMES = ("grafeas",)
GOOGLE = "https://containeranalysis.googleapis.com"
_ANSWER_LIMIT = 64 << 20
_PAGES, _PAGE = 20, 100
_ALREADY = 409
# Notes that are known to be there, one or three for each namespace.
_NOTES_KEPT = 10_000
_Occurrence = Mapping[str, Any]


class _Page(msgspec.Struct, rename="camel"):
    occurrences: list[dict[str, Any]] = []
    next_page_token: str = ""


@value
class Project:
    """Where, and what notes say. `prefix` may be empty; `key` is the URI of the key service's key, or empty."""

    name: str
    prefix: str
    hint: str
    key: str

    @property
    def path(self) -> str:
        return f"/v1/projects/{escaped(self.name, safe='')}"


class GrafeasStore:
    """Occurrences in one project. `tokens` is None where no login goes with the requests."""

    def __init__(self, caller: Caller, tokens: google.Tokens | None, project: Project) -> None:
        self._caller, self._tokens, self._project = caller, tokens, project
        self._notes: OrderedDict[str, None] = OrderedDict()

    async def put(self, attestation: Attestation, origin: Origin) -> Receipt:
        """One occurrence for each resource it speaks of. A statement without a subject has no place here, as in Chains."""
        note = await self._note(attestation, origin)
        names = [await self._bind(attestation, resource, note) for resource in grafeas.resources(attestation)]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        uri = f"{names[0]}{more}" if names else f"no subject, so nothing at {note}"
        digest = digest_of(attestation.stored_signature)
        return Receipt(store="grafeas", uri=uri, digest=digest, is_kept=bool(names))

    async def find(self, artifact: Artifact, origin: Origin) -> Sequence[Attestation]:  # noqa: ARG002
        """What speaks of an image. A run's provenance is found by its images: ask for one of these."""
        if artifact.sort != "oci":
            return []
        found = await self._list(f"{artifact.name}@{artifact.digest}")
        return [grafeas.read(artifact, each, quote(each.get("name", ""))) for each in found if _is_ours(each)]

    async def _note(self, attestation: Attestation, origin: Origin) -> str:
        """The note's name, made if it is not there."""
        identity = grafeas.note_id(attestation, origin, self._project.prefix)
        name = f"projects/{self._project.name}/notes/{identity}"
        if name not in self._notes:
            body = msgspec.json.encode(grafeas.note(attestation, origin, self._project.hint))
            path = f"{self._project.path}/notes?noteId={escaped(identity, safe='')}"
            await self._caller.post(path, body, known=(_ALREADY,), headers=await self._login())
            self._notes[name] = None
            if len(self._notes) > _NOTES_KEPT:
                self._notes.popitem(last=False)
        return name

    async def _bind(self, attestation: Attestation, resource: str, note: str) -> str:
        """The occurrence's name: the one that is there, or a new one, read back."""
        wanted = grafeas.occurrence(attestation, resource, note, self._project.key)
        for each in await self._list(resource):
            if each.get("noteName") == note and each.get("envelope") == wanted["envelope"]:
                return str(each.get("name"))
        path = f"{self._project.path}/occurrences"
        answer = await self._caller.post(path, msgspec.json.encode(wanted), headers=await self._login())
        name = str(_decoded(dict[str, Any], answer.body).get("name", ""))
        kept = _decoded(dict[str, Any], (await self._caller.get(f"/v1/{escaped(name)}", headers=await self._login())).body)
        if kept.get("envelope") != wanted["envelope"]:
            raise Transient(Reason.STORE_FAILED, f"Grafeas keeps other bytes as {quote(name)} than were sent")
        return name

    async def _list(self, resource: str) -> list[_Occurrence]:
        found: list[_Occurrence] = []
        token = ""
        for _ in range(_PAGES):
            # A subject's name can hold quotes, which end the text in a filter.
            asked = f"resourceUrl={msgspec.json.encode(resource).decode()}"
            query = {"filter": asked, "pageSize": str(_PAGE), **({"pageToken": token} if token else {})}
            path = f"{self._project.path}/occurrences?{urlencode(query)}"
            answer = await self._caller.get(path, headers=await self._login())
            page = _decoded(_Page, answer.body)
            found += page.occurrences
            token = page.next_page_token
            if not token:
                return found
        raise Permanent(Reason.TOO_LARGE, f"Grafeas has more than {_PAGES * _PAGE} occurrences of {quote(resource)}")

    async def _login(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {await self._tokens.token()}"} if self._tokens else NO_HEADERS


def _is_ours(found: _Occurrence) -> bool:
    """Vulnerabilities and much else are kept of an image, too."""
    return bool(found.get("envelope")) and ("attestation" in found or "build" in found)


def _decoded(shape: type[Any], body: bytes) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Transient(Reason.UNAVAILABLE, f"the answer is not what Grafeas says: {error}") from error


@asynccontextmanager
async def open(settings: Settings, tools: Tools) -> AsyncIterator[GrafeasStore]:  # noqa: A001  the verb of every store
    """The project. Google's own server gets a token of the pod's identity, no other does. Raises Permanent(INVALID_CONFIG)."""
    project, url = needed(settings, "storage.grafeas.projectid"), str(settings["url"])
    host = urlsplit(url).hostname or ""
    is_google = url.startswith("https://") and (host == "googleapis.com" or host.endswith(".googleapis.com"))
    tokens = google.Tokens("the store grafeas") if is_google else None
    where = Project(name=project, prefix=str(settings.get("noteid", "")), hint=str(settings["notehint"]), key=tools.key_reference)
    async with Caller(url, "Grafeas", _ANSWER_LIMIT) as caller:
        yield GrafeasStore(caller, tokens, where)
