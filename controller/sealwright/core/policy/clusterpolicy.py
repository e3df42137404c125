"""ClusterVerificationPolicy: our policy over all namespaces, with keys that count for a time, and exemptions that end.

Beside Tekton's VerificationPolicies, which belong to a namespace and can be written by whoever may write there.
"""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value
from sealwright.core.policy.verificationpolicy import (
    Authority,
    KeyShape,
    PatternShape,
    VerificationPolicy,
    key_reference,
    pattern_texts,
)

KIND, API_VERSION = "ClusterVerificationPolicy", "sealwright.dev/v1alpha1"

Mode = Literal["enforce", "warn", "skip"]


@value
class ClusterVerificationPolicy:
    """`policy` as in a namespace (its mode is enforce where ours is skip); `namespaces` it is for, none for all.

    `until` is when an exemption (mode skip) ends, always given for one.
    """

    policy: VerificationPolicy
    mode: Mode
    namespaces: frozenset[str]
    until: datetime | None

    def covers(self, namespace: str) -> bool:
        return not self.namespaces or namespace in self.namespaces


class _Authority(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: str = ""
    key: KeyShape | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class _Spec(msgspec.Struct, forbid_unknown_fields=True):
    resources: list[PatternShape | None]
    mode: Mode = "enforce"
    authorities: list[_Authority] = []
    namespaces: list[str] = []
    until: datetime | None = None


class _Metadata(msgspec.Struct):
    name: str
    uid: str = ""
    generation: int = 0


class _Policy(msgspec.Struct, rename="camel"):
    kind: Literal["ClusterVerificationPolicy"]
    api_version: Literal["sealwright.dev/v1alpha1"]
    metadata: _Metadata
    spec: _Spec


def read(document: Any, what: str) -> ClusterVerificationPolicy:
    """A policy from a document's values.

    Raises Permanent(INVALID_CONFIG): another shape, no pattern, no authority, an exemption without an end, a time without zone.
    """
    try:
        found = msgspec.convert(document, _Policy)
    except msgspec.ValidationError as error:
        raise Permanent(Reason.INVALID_CONFIG, f"{what}: not a {KIND} that can be read: {error}") from error
    fault = _fault(found.spec)
    if fault:
        raise Permanent(Reason.INVALID_CONFIG, f"{what}: {KIND} {quote(found.metadata.name)}: {fault}")
    return ClusterVerificationPolicy(
        policy=_policy(found),
        mode=found.spec.mode,
        namespaces=frozenset(found.spec.namespaces),
        until=found.spec.until,
    )


def _fault(spec: _Spec) -> str:
    if not spec.resources:
        return "wanted at least one pattern under resources"
    if spec.mode == "skip":
        if spec.authorities:
            return "an exemption (mode skip) trusts no key; leave authorities out"
        return (
            "" if _has_zone(spec.until) else "an exemption (mode skip) must end: wanted until, a time like 2027-01-31T00:00:00Z"
        )
    if spec.until is not None:
        return "until belongs to an exemption (mode skip); keys end by validUntil"
    if not spec.authorities:
        return "wanted at least one authority"
    bounds = [bound for found in spec.authorities for bound in (found.valid_from, found.valid_until) if bound is not None]
    return "" if all(map(_has_zone, bounds)) else "validFrom and validUntil need a zone, as in 2027-01-31T00:00:00Z"


def _has_zone(moment: datetime | None) -> bool:
    return moment is not None and moment.tzinfo is not None


def _policy(found: _Policy) -> VerificationPolicy:
    return VerificationPolicy(
        namespace="",
        name=found.metadata.name,
        uid=found.metadata.uid,
        generation=found.metadata.generation,
        patterns=pattern_texts(found.spec.resources),
        authorities=tuple(map(_authority, found.spec.authorities)),
        mode="warn" if found.spec.mode == "warn" else "enforce",
    )


def _authority(found: _Authority) -> Authority:
    return Authority(name=found.name, key=key_reference(found.key), since=found.valid_from, until=found.valid_until)


def shown(moment: datetime) -> str:
    """A time for a message."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
