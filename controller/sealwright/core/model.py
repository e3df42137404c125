"""The values which flow, made once and never edited.

`Key > Run > Artifact > SignRequest > Payload > Signature > Attestation > Receipt > Outcome`, and back:
`Attestation > Verified > Verdict`. Bytes are signed, so bytes are carried: nobody re-encodes a payload.
A `Run` lives in `core/tekton/runs.py`, a `Verdict` in `core/policy/verdict.py`, each with the rules that make it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar, dataclass_transform

from sealwright.core.errors import Reason

T = TypeVar("T")
Kind = Literal["TaskRun", "PipelineRun"]
# Where a key waits: a run that is being deleted, one that changes now, one that was there before.
Lane = Literal["going", "live", "past"]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Frozen, keyword-only, slotted: the one kind of value in this package."""
    return dataclass(frozen=True, kw_only=True, slots=True)(cls)


@value
class Key:
    """Which object, in whichever state it is now. Queues hold keys; state is read fresh."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.namespace}/{self.name}"


@value
class Origin:
    """The run that an attestation comes from: stores name places by it, and log in as its service account.

    `service_account` is empty where the run names none; Kubernetes then takes `default`.
    """

    key: Key
    uid: str
    service_account: str = ""


@value
class Queued:
    """Keys of one kind that wait in one place: a lane, or `retry` for those that failed. `oldest_s`: how long the oldest has."""

    kind: Kind
    lane: str
    count: int
    oldest_s: float = 0.0


@value
class Finding:
    """Something a user should know that stops nothing: a hint that was ignored, a setting that does nothing.

    `where` is a path in the object or the name of a setting; `message` says what was wanted and what was found.
    """

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@value
class Subject:
    """What a statement speaks of. `digest` maps an algorithm to lower-case hex, in the order in which it was found."""

    name: str
    digest: Mapping[str, str]


@value
class Artifact:
    """What is signed: a run's provenance, or one image.

    `key` is Chains' short key: `taskrun-<uid>`, `pipelinerun-<uid>`, or the first 12 hex digits of the image's digest.
    `name` is the image's `registry/repository` or the run's `namespace/name`; `digest` is `sha256:<64 hex>`, images only.
    """

    sort: Literal["taskrun", "pipelinerun", "oci"]
    key: str
    name: str
    digest: str = ""


@value
class SignRequest:
    """One whole decision, made before any await: sign this artifact in this format, log it, and keep it in these stores.

    `log` says whether it is logged: "needed" keeps nothing that is not in the log, "wished" goes on without and says so.
    """

    artifact: Artifact
    format: str
    signer: str
    stores: tuple[str, ...]
    log: Literal["", "needed", "wished"] = ""


@value
class Payload:
    """The bytes that are signed, and what they say of themselves so that nobody has to parse them again.

    `materials` are what went in: name is the uri.
    """

    media_type: str
    body: bytes
    predicate_type: str = ""
    subjects: tuple[Subject, ...] = ()
    materials: tuple[Subject, ...] = ()


@value
class Built:
    """A payload, and what its maker left out or found odd."""

    payload: Payload
    findings: tuple[Finding, ...] = ()


@value
class Signature:
    """`key_id` as Chains writes it (an OpenSSH fingerprint); `certificate` and `chain` are PEM, empty for plain keys."""

    key_id: str
    raw: bytes
    certificate: str = ""
    chain: str = ""


@value
class InclusionProof:
    """That an entry is in a log (RFC 9162, 2.1.3): `hashes` are 32-byte nodes, lowest first; `index` and `size` count leaves.

    `checkpoint` is the log's signed note with this root and size.
    """

    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str


@value
class LogEntry:
    """One entry of a transparency log, as a Sigstore bundle carries it.

    `log_id` is SHA-256 over the log's public key (DER); `index` counts over all shards; `kind` and `version` name the body's
    type, `body` is the canonical JSON that is the leaf. `integrated_s` is when the log says it came, seconds after 1970, 0 where
    the log does not say (Rekor v2); `promise` is the log's signature over all that (SET), empty where there is none.
    """

    log_id: bytes
    index: int
    kind: str
    version: str
    body: bytes
    integrated_s: int = 0
    promise: bytes = b""
    proof: InclusionProof | None = None


@value
class Attestation:
    """A signed payload: what is stored is what is verified.

    `envelope` is the DSSE envelope's JSON; empty where the bare payload is signed (simplesigning). `entries` are proven before
    they get here; `timestamps` are RFC 3161 responses (DER) over the signature.
    """

    artifact: Artifact
    format: str
    payload: Payload
    signature: Signature
    envelope: bytes = b""
    entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = ()

    @property
    def stored_signature(self) -> bytes:
        """What Chains keeps under the word "signature": the whole envelope, or the bare signature."""
        return self.envelope or self.signature.raw


# The transparency log among the receipts, where stores go by their words.
LOG = "transparency"


@value
class Receipt:
    """A store's word, or the log's (LOG), that it has the attestation. `digest` is `sha256:<hex>` of what was stored.

    `annotations` must be on the run for this receipt to be true: a store inside the object hands its part to the mark, so
    that one write does both. `findings` are the parts for which this store has no place; `is_kept` is false where it has none
    for any of it, as a registry has none for what is no image.
    """

    store: str
    uri: str
    digest: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    is_kept: bool = True


@value
class Failure:
    """An error that has become a value. `stage` is build, sign, log, store or mark; `after_s` is the peer's wish, in seconds."""

    stage: str
    reason: Reason
    message: str
    transient: bool
    after_s: float | None = None

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}: {self.message}"


@value
class Outcome:
    """What became of one SignRequest. `payload` is there as soon as it could be built, signed or not."""

    request: SignRequest
    payload: Payload | None = None
    attestation: Attestation | None = None
    receipts: tuple[Receipt, ...] = ()
    failures: tuple[Failure, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def complete(self) -> bool:
        """Signed is computed from receipts, never from the absence of errors (design D2).

        A proven entry is the log's receipt: what waited in the outbox may have come with it.
        """
        is_logged = self.request.log != "needed" or bool(self.attestation and self.attestation.entries)
        return {receipt.store for receipt in self.receipts} >= set(self.request.stores) and is_logged and not self.failures


@value
class Mark:
    """What is written on a run when its work is done, and kept in our own record with it.

    `plan` is a hash of the configuration it was done under: information, never a reason to sign again.
    """

    annotations: Mapping[str, str]
    plan: str
    outcomes: tuple[Outcome, ...] = ()


@value
class Identity:
    """Who holds a certificate, as its issuer wrote it.

    `names` are (kind, text) with the kinds uri, email, dns, ip and other (Fulcio's user names); `issuer` is who vouched for them
    at the time (OIDC), empty where nobody did. `claims` are Fulcio's further words, such as `sourceRepositoryURI`.
    """

    names: tuple[tuple[str, str], ...]
    issuer: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)


@value
class Verified:
    """A payload whose signature was proven. Made by `core/proof` alone; policy accepts nothing else.

    `steps` are sentences, in the order in which they were taken. `predicate` is the Statement's, empty for other payloads.
    `key_id` is of the key that signed, the first of `key_ids` where several were asked for. `identity` is there where a
    certificate signed. `times` are when trusted clocks and logs saw the signature; `log_ids` are of the logs that were proven to
    have it.
    """

    payload: Payload
    predicate: Mapping[str, Any]
    key_id: str
    steps: tuple[str, ...]
    key_ids: tuple[str, ...] = ()
    identity: Identity | None = None
    times: tuple[datetime, ...] = ()
    log_ids: tuple[bytes, ...] = ()
