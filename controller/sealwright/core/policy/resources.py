"""Whether a definition may run, as Tekton judges it: VerificationPolicies, their modes and keys, and Tekton's own words.

All enforcing policies that match must be satisfied, each by any one of its keys; then the warning ones may warn. A policy with
a key that cannot be read is a failure even if another of its keys would do.
"""

from collections.abc import Sequence
from typing import Literal

from sealwright.core.errors import Untrusted
from sealwright.core.model import value
from sealwright.core.policy import patterns
from sealwright.core.policy.authorities import Kept, NoKeyError, key_of
from sealwright.core.policy.verificationpolicy import NoMatch, VerificationPolicy
from sealwright.core.proof import resource as proof
from sealwright.core.tekton.resources import Resource

State = Literal["pass", "skip", "warn", "fail"]


@value
class Result:
    """How a definition was judged. `matched` policies were asked; `key_ids` are the keys that satisfied them, in order."""

    state: State
    message: str = ""
    matched: tuple[VerificationPolicy, ...] = ()
    key_ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.state}: {self.message}" if self.message else self.state


class _RefusedError(Exception):
    """Its text is the message."""


def evaluate(resource: Resource, policies: Sequence[VerificationPolicy], uri: str, no_match: NoMatch, kept: Kept) -> Result:
    """Judge a definition that came from `uri`, as the resolver names it."""
    try:
        matched = _matched(policies, uri)
    except ValueError as error:
        return Result(state="fail", message=unmatchable(error))
    if not matched:
        return _unmatched(resource, uri, no_match)
    try:
        signature = proof.decoded(resource.signature or "")
    except ValueError as error:
        return Result(state="fail", message=str(error), matched=matched)
    return _judged(resource, signature, matched, kept)


def applies(policy: VerificationPolicy, uri: str) -> bool:
    """Whether one of its patterns matches. Raises ValueError for one that does not compile and stands before."""
    return any(patterns.matches(pattern, uri) for pattern in policy.patterns)


def unmatchable(error: ValueError) -> str:
    """What is said where a pattern does not compile."""
    return f"failed to get matched policies: {error}: regex failed to match"


def _matched(policies: Sequence[VerificationPolicy], uri: str) -> tuple[VerificationPolicy, ...]:
    return tuple(policy for policy in policies if applies(policy, uri))


def _unmatched(resource: Resource, uri: str, no_match: NoMatch) -> Result:
    if no_match == "ignore":
        return Result(state="skip")
    told = f"no policies are matched: no matching policies are found for resource: {resource.name} against source: {uri}"
    return Result(state=no_match, message=f"failed to get matched policies: {told}")


def _judged(resource: Resource, signature: bytes, matched: tuple[VerificationPolicy, ...], kept: Kept) -> Result:
    key_ids: list[str] = []
    for mode, state, context in (
        ("enforce", "fail", "failed to get verifiers from policy: "),
        ("warn", "warn", f"failed to get verifiers for resource {resource.name} from namespace {resource.namespace}: "),
    ):
        try:
            key_ids += [_satisfied(resource, signature, policy, kept, context) for policy in matched if policy.mode == mode]
        except _RefusedError as refusal:
            return Result(state="fail" if state == "fail" else "warn", message=str(refusal), matched=matched)
    return Result(state="pass", matched=matched, key_ids=tuple(key_ids))


def _satisfied(resource: Resource, signature: bytes, policy: VerificationPolicy, kept: Kept, context: str) -> str:
    """The id of the first key that verifies. Raises _RefusedError."""
    try:
        trusted = [key_of(authority, kept) for authority in policy.authorities]
    except NoKeyError as error:
        raise _RefusedError(f"{context}{error}") from error
    if not trusted:
        raise _RefusedError(f"{context}no public keys are founded")
    for candidate in trusted:
        try:
            proof.verify(resource.digest, signature, candidate)
        except Untrusted:
            continue
        return candidate.key.key_id
    told = f"resource {resource.name} in namespace {resource.namespace} fails verification"
    raise _RefusedError(f"resource verification failed: {told}")
