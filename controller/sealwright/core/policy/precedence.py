"""Which policies count when there are several kinds: deny wins.

1. Every enforcing ClusterVerificationPolicy that matches must be satisfied; nothing lifts that.
2. Then an exemption that matches and has not ended lets the definition pass unverified, and says so.
3. Else the namespace's own VerificationPolicies are judged as Tekton judges them, with the warning cluster policies beside
   them. They can only tighten: where step 1 was satisfied, no match here is no fault.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sealwright.core.model import value
from sealwright.core.policy import clusterpolicy
from sealwright.core.policy import resources as rules
from sealwright.core.policy.authorities import Kept
from sealwright.core.policy.clusterpolicy import ClusterVerificationPolicy
from sealwright.core.policy.resources import Result
from sealwright.core.policy.verificationpolicy import NoMatch, VerificationPolicy
from sealwright.core.tekton.resources import Resource


@value
class Policies:
    """All that may count for a namespace."""

    namespaced: Sequence[VerificationPolicy] = ()
    cluster: Sequence[ClusterVerificationPolicy] = ()


@value
class Use:
    """A definition's use: where it came from, as the resolver names it, the namespace where it runs ("" for any), and when."""

    uri: str
    namespace: str
    now: datetime


def judge(resource: Resource, use: Use, policies: Policies, no_match: NoMatch, kept: Kept) -> Result:
    """Judge a definition by everything that counts here and now."""
    here = [found for found in policies.cluster if not use.namespace or found.covers(use.namespace)]
    denying = [_current(found.policy, use.now) for found in here if found.mode == "enforce"]
    first = rules.evaluate(resource, denying, use.uri, "ignore", kept)
    if first.state == "fail":
        return first
    exemption = _exemption([found for found in here if found.mode == "skip"], use)
    if exemption.state != "pass":
        return first if first.state == "pass" and exemption.state == "skip" else exemption
    rest = [*policies.namespaced, *(_current(found.policy, use.now) for found in here if found.mode == "warn")]
    return _both(first, rules.evaluate(resource, rest, use.uri, "ignore" if first.matched else no_match, kept))


def _exemption(exempting: Sequence[ClusterVerificationPolicy], use: Use) -> Result:
    """skip where one applies, pass where none does, fail where that cannot be told."""
    for found in exempting:
        if found.until is None or use.now >= found.until:
            continue
        try:
            applies = rules.applies(found.policy, use.uri)
        except ValueError as error:
            return Result(state="fail", message=rules.unmatchable(error))
        if applies:
            told = f"exempt until {clusterpolicy.shown(found.until)} by {clusterpolicy.KIND} {found.policy.name}"
            return Result(state="skip", message=told, matched=(found.policy,))
    return Result(state="pass")


def _current(policy: VerificationPolicy, now: datetime) -> VerificationPolicy:
    """With the keys that count now. A signature does not say when it was made, so this is about now, not then."""
    return replace(policy, authorities=tuple(found for found in policy.authorities if found.counts(now)))


def _both(first: Result, second: Result) -> Result:
    """The second unless it had nothing to say, with what the first one found."""
    if second.state == "skip" and first.matched:
        return first
    return replace(second, matched=(*first.matched, *second.matched), key_ids=(*first.key_ids, *second.key_ids))
