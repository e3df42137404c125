"""The object `Layout` (sealwright.dev/v1alpha1): who may run which task of a Pipeline, in what order, and how artifacts pass.

An example with each member once:

    apiVersion: sealwright.dev/v1alpha1
    kind: Layout
    metadata: {name: release}
    spec:
      expires: "2027-06-30T00:00:00Z"
      pipeline: {name: release, digests: ["sha256:<64 hex>"]}    # digests: any of them; none: any definition
      functionaries:
        controller: {key: "-----BEGIN PUBLIC KEY-----...", hash: sha256}
        release: {identity: "spiffe://example.com/release", issuer: "https://..."}    # core/policy/people
      steps:
      - name: build                             # the task's name in the Pipeline
        task: {name: kaniko, digests: ["sha1:<40 hex>"]}
        functionaries: [controller]             # who may sign what it did, and how many different ones must
        threshold: 1
        serviceAccounts: [builder]              # none: any
        after: [test]                           # must have ended well before this starts
        optional: true                          # a `when` may skip it
        mayFail: true                           # it counts though it failed (onError: continue)
        params:
        - {name: revision, from: clone.commit}  # exactly the result that was signed
        - {name: target, values: ["prod-*"]}    # or one of these patterns
        materials: ["MATCH * WITH PRODUCTS FROM clone", "ALLOW oci://*"]
        products: ["CREATE registry.example.com/*", "ALLOW results/*", "DISALLOW *"]
      finally: {mode: verify, allow: [notify]}  # verify, allow or deny; `allow` names tasks that may run whatever happened

The rules are in-toto's (`core/layout/rules`). A step's materials are what its provenance names (by uri) and `params/NAME`, its
products are the subjects (by name) and `results/NAME`; a parameter's or result's digest is SHA-256 over its JSON.

Reading refuses what could be meant but would not be checked: unknown members, names of steps and functionaries that do not
exist, an order that goes in circles, MATCH against a step that need not have run before.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

import msgspec

from sealwright.core import strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.layout import rules
from sealwright.core.layout.rules import Rule
from sealwright.core.model import Verified, value
from sealwright.core.policy import people
from sealwright.core.policy.people import People
from sealwright.core.proof.identity import TrustedIdentity
from sealwright.core.proof.trust import TrustedKey

API_VERSION = "sealwright.dev/v1alpha1"
KIND = "Layout"
STEP_LIMIT = 1000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
Finally = Literal["verify", "allow", "deny"]


@value
class Definition:
    """Which Task or Pipeline is meant. `digests` are `algorithm:hex`, any of which will do; none asks for none."""

    name: str = ""
    digests: tuple[str, ...] = ()


@value
class ParamRule:
    """Where a parameter comes from: the `result` of an earlier `step`, or else patterns, one of which fits."""

    name: str
    step: str = ""
    result: str = ""
    values: tuple[str, ...] = ()


@value
class Step:
    """One task of the pipeline. `before` are the names of all steps that come before it, through others too."""

    name: str
    task: Definition
    functionaries: tuple[str, ...]
    threshold: int
    service_accounts: tuple[str, ...]
    before: frozenset[str]
    optional: bool
    may_fail: bool
    params: tuple[ParamRule, ...]
    materials: tuple[Rule, ...]
    products: tuple[Rule, ...]


@value
class Layout:
    """`steps` by name, each after those before it; `functionaries` by name."""

    name: str
    expires: datetime
    pipeline: Definition
    functionaries: People
    steps: Mapping[str, Step]
    finally_mode: Finally
    finally_allowed: frozenset[str]

    @property
    def trusted(self) -> tuple[TrustedKey, ...]:
        """Every functionary's key: with these the statements of a run are to be proven, beside `identities`."""
        return people.trusted_keys(self.functionaries)

    @property
    def identities(self) -> tuple[TrustedIdentity, ...]:
        """Functionaries who sign with certificates; proving these needs a trusted root."""
        return people.trusted_identities(self.functionaries)

    def signers(self, verified: Verified) -> frozenset[str]:
        """The functionaries who signed this; none for strangers."""
        return people.signers(self.functionaries, verified)


# --- the wire -----------------------------------------------------------------------------------------------------------


class _Part(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Part of the object: an unknown member is a wish that would not be met."""


class _Definition(_Part, frozen=True):
    name: str = ""
    digests: list[str] = []


class _Param(_Part, frozen=True):
    name: str
    from_: str = msgspec.field(default="", name="from")
    values: list[str] = []


class _Step(_Part, frozen=True):
    name: str
    functionaries: list[str]
    task: _Definition = _Definition()
    threshold: int = 1
    service_accounts: list[str] = []
    after: list[str] = []
    optional: bool = False
    may_fail: bool = False
    params: list[_Param] = []
    materials: list[Any] = []
    products: list[Any] = []


class _Finally(_Part, frozen=True):
    mode: Finally = "verify"
    allow: list[str] = []


class _Spec(_Part, frozen=True):
    expires: str
    functionaries: dict[str, people.Wire]
    steps: list[_Step]
    pipeline: _Definition = _Definition()
    finally_: _Finally = msgspec.field(default=_Finally(), name="finally")


class _Metadata(msgspec.Struct, frozen=True):
    """The API server adds members of its own."""

    name: str = ""


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    spec: _Spec
    metadata: _Metadata = _Metadata()


# --- reading ------------------------------------------------------------------------------------------------------------


def parse(data: bytes, what: str) -> Layout:
    """The one Layout in JSON or YAML text. Raises Permanent: INVALID_LAYOUT, and what `strict` raises."""
    documents = strict.documents(data, what)
    if len(documents) != 1:
        raise _invalid(f"{what}: wanted one object, found {len(documents)}")
    return read(documents[0], what)


def read(found: Any, what: str) -> Layout:
    """The Layout in a decoded object. Raises Permanent(INVALID_LAYOUT), KEY_UNUSABLE for a functionary's key."""
    try:
        wire = msgspec.convert(found, _Object)
    except msgspec.ValidationError as error:
        raise _invalid(f"{what}: {error}") from error
    if (wire.api_version, wire.kind) != (API_VERSION, KIND):
        found_kind = f"{wire.api_version} {wire.kind}"
        raise _invalid(f"{what}: wanted {API_VERSION} {KIND}, found {quote(found_kind)}")
    spec = wire.spec
    known = people.read(spec.functionaries, what, Reason.INVALID_LAYOUT)
    return Layout(
        name=wire.metadata.name,
        expires=moment(spec.expires, what),
        pipeline=_definition(spec.pipeline, what),
        functionaries=known,
        steps=_steps(spec.steps, known, what),
        finally_mode=spec.finally_.mode,
        finally_allowed=frozenset(spec.finally_.allow),
    )


def moment(text: str, what: str) -> datetime:
    """`YYYY-MM-DDThh:mm:ssZ`, the one form that in-toto knows. Raises Permanent(INVALID_LAYOUT)."""
    try:
        # strptime alone would also take one digit for a month.
        return datetime.strptime(text if _MOMENT.fullmatch(text) else "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _invalid(f"{what}: expires: wanted a time like 2027-01-31T12:00:00Z, found {quote(text)}") from error


def _definition(given: _Definition, what: str) -> Definition:
    for digest in given.digests:
        algorithm, _, digits = digest.partition(":")
        if not algorithm or not digits or digits != digits.lower():
            raise _invalid(f"{what}: a definition's digest: wanted algorithm:hex in lower case, found {quote(digest)}")
    return Definition(name=given.name, digests=tuple(given.digests))


def _steps(given: Sequence[_Step], known: People, what: str) -> dict[str, Step]:
    by_name = {step.name: step for step in given}
    if not 1 <= len(given) <= STEP_LIMIT or len(by_name) != len(given) or "" in by_name:
        raise _invalid(f"{what}: wanted 1 to {STEP_LIMIT} steps with different names, found {len(given)}")
    if sum(len(step.materials) + len(step.products) for step in given) > rules.RULE_LIMIT:
        raise _invalid(f"{what}: more than {rules.RULE_LIMIT} artifact rules")
    params = {step.name: tuple(_param(param, step, what) for param in step.params) for step in given}
    order = {step.name: dict.fromkeys([*step.after, *(rule.step for rule in params[step.name] if rule.step)]) for step in given}
    _refuse_unknown(order, by_name, what)
    found: dict[str, Step] = {}
    for name in _sorted(order, what):
        where = f"{what}: step {quote(name)}"
        _check_signers(by_name[name], known, where)
        before = frozenset(order[name]).union(*(found[earlier].before for earlier in order[name]))
        found[name] = _step(by_name[name], params[name], before, where)
    return found


def _refuse_unknown(order: Mapping[str, Mapping[str, Any]], known: Mapping[str, Any], what: str) -> None:
    for name, earlier in order.items():
        for other in earlier:
            if other not in known:
                raise _invalid(f"{what}: step {quote(name)} comes after {quote(other)}, which is no step of this layout")


def _sorted(order: Mapping[str, Mapping[str, Any]], what: str) -> list[str]:
    try:
        return list(TopologicalSorter(order).static_order())
    except CycleError as error:
        raise _invalid(f"{what}: the order goes in a circle: {quote(' > '.join(error.args[1]))}") from error


def _check_signers(given: _Step, known: People, where: str) -> None:
    who = set(given.functionaries)
    if strangers := sorted(who - known.keys()):
        raise _invalid(f"{where}: no functionary {quote(strangers[0])} in this layout")
    if not 1 <= given.threshold <= len(who):
        raise _invalid(f"{where}: threshold {given.threshold}, wanted 1 to {len(who)}, the number of its functionaries")


def _step(given: _Step, params: tuple[ParamRule, ...], before: frozenset[str], where: str) -> Step:
    return Step(
        name=given.name,
        task=_definition(given.task, where),
        functionaries=tuple(dict.fromkeys(given.functionaries)),
        threshold=given.threshold,
        service_accounts=tuple(given.service_accounts),
        before=before,
        optional=given.optional,
        may_fail=given.may_fail,
        params=params,
        materials=_rules(given.materials, before | {given.name}, where),
        products=_rules(given.products, before | {given.name}, where),
    )


def _param(given: _Param, step: _Step, what: str) -> ParamRule:
    """A step's name holds no dot (it is a DNS label), a result's may."""
    earlier, _, result = given.from_.partition(".")
    is_from, has_values = bool(earlier and result), bool(given.values)
    if is_from == has_values or (given.from_ and not is_from):
        raise _invalid(f"{what}: step {quote(step.name)}: param {quote(given.name)}: wanted from: STEP.RESULT, or values")
    return ParamRule(name=given.name, step=earlier, result=result, values=tuple(given.values))


def _rules(given: Sequence[Any], sources: frozenset[str], where: str) -> tuple[Rule, ...]:
    found = []
    for words in given:
        try:
            rule = rules.parse(words)
        except Permanent as fault:
            raise Permanent(fault.reason, f"{where}: {fault.message}") from fault
        if rule.kind == "MATCH" and rule.step not in sources:
            raise _invalid(f"{where}: {quote(rule)} names a step that need not have run before; put it in `after`")
        found.append(rule)
    return tuple(found)


def _invalid(message: str) -> Permanent:
    return Permanent(Reason.INVALID_LAYOUT, message)
