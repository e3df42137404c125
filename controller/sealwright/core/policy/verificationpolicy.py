"""Tekton's VerificationPolicy: which sources must carry whose signature. Read here, judged in `resources.py`."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value

KIND, API_VERSION = "VerificationPolicy", "tekton.dev/v1alpha1"

NoMatch = Literal["ignore", "warn", "fail"]


@value
class SecretName:
    """Where a key is kept in the cluster."""

    namespace: str
    name: str


@value
class KeyReference:
    """Where a key is: its text, a Secret, or a key service; the first that is there counts. `hash` as written; "" is sha256."""

    text: str
    secret: SecretName | None
    kms: str
    hash: str


@value
class Authority:
    """`key` is None where the policy names an authority and nothing more; nobody can have signed for it.

    `since` and `until` (not itself in) bound when the key counts; a VerificationPolicy knows no such bounds.
    """

    name: str
    key: KeyReference | None
    since: datetime | None = None
    until: datetime | None = None

    def counts(self, now: datetime) -> bool:
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


@value
class VerificationPolicy:
    """`mode` is "enforce" for all but the exact word warn, as Tekton takes it."""

    namespace: str
    name: str
    uid: str
    generation: int
    patterns: tuple[str, ...]
    authorities: tuple[Authority, ...]
    mode: Literal["enforce", "warn"]


class PatternShape(msgspec.Struct, forbid_unknown_fields=True):
    pattern: str | None = None


class _SecretRef(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    namespace: str | None = None


class KeyShape(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    data: str | None = None
    secret_ref: _SecretRef | None = None
    kms: str | None = None
    hash_algorithm: str | None = None


class _Authority(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    key: KeyShape | None = None


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    resources: list[PatternShape | None] | None = None
    authorities: list[_Authority | None] | None = None
    mode: str | None = None


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0


class _Policy(msgspec.Struct, rename="camel"):
    kind: str
    api_version: str
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec | None = None


def read(document: Any, what: str) -> VerificationPolicy:
    """A policy from a document's values. Raises Permanent(INVALID_CONFIG): a word misspelt would be a rule left out."""
    try:
        found = msgspec.convert(document, _Policy)
    except msgspec.ValidationError as error:
        raise Permanent(Reason.INVALID_CONFIG, f"{what}: not a {KIND} that can be read: {error}") from error
    if (found.kind, found.api_version) != (KIND, API_VERSION):
        said = f"kind {quote(found.kind)} of {quote(found.api_version)}"
        raise Permanent(Reason.INVALID_CONFIG, f"{what}: wanted a {KIND} of {API_VERSION}, found {said}")
    spec, metadata = found.spec or _Spec(), found.metadata
    return VerificationPolicy(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        generation=metadata.generation,
        patterns=pattern_texts(spec.resources),
        authorities=tuple(_authority(entry or _Authority()) for entry in spec.authorities or ()),
        mode="warn" if spec.mode == "warn" else "enforce",
    )


def _authority(found: _Authority) -> Authority:
    return Authority(name=found.name or "", key=key_reference(found.key))


def pattern_texts(found: list[PatternShape | None] | None) -> tuple[str, ...]:
    """The patterns of a policy; null is the empty one, as in Go."""
    return tuple((entry and entry.pattern) or "" for entry in found or ())


def key_reference(found: KeyShape | None) -> KeyReference | None:
    """Where a key is; None where the policy does not say."""
    if found is None:
        return None
    ref = found.secret_ref
    secret = SecretName(namespace=ref.namespace or "", name=ref.name or "") if ref else None
    return KeyReference(text=found.data or "", secret=secret, kms=found.kms or "", hash=found.hash_algorithm or "")
