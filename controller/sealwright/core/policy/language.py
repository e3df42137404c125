"""The object `Policy` (sealwright.dev/v1alpha1): what must have been signed about an artifact before it is good enough.

An example with each kind of rule; every rule must hold, and each has exactly one kind:

    apiVersion: sealwright.dev/v1alpha1
    kind: Policy
    metadata: {name: release}
    spec:
      signers:
        controller: {key: "-----BEGIN PUBLIC KEY-----...", hash: sha256}
        security: {identity: security@example.com, issuer: "https://accounts.example.com"}    # core/policy/people
      rules:
      - name: built by us
        signers: [controller]              # who may have signed; none: anybody whose signature was proven
        provenance:
          builders: ["https://tekton.example.com/*"]
          sources: ["git+https://github.com/example/*"]   # every git material; there must be one
          branches: [main, "release-*"]
          materials: {allow: ["oci://registry.example.com/*", "git+*"], require: ["git+*"]}
          parameters: {target: [prod]}
          serviceAccounts: [builder]
          maxAge: 30d
          hermetic: true
          singleUse: true
      - {name: built twice, count: 2, provenance: {}}     # by two builders, with this very digest
      - {name: checks ran, tasks: [unit-test, vuln-scan]}
      - {name: tests passed, test: {results: [PASSED], maxAge: 7d}}
      - {name: no known holes, vulnerabilities: {below: high, ignore: [CVE-2020-0001], maxAge: 7d}}
      - {name: has an SBOM, sbom: {formats: [spdx, cyclonedx]}}
      - {name: licenses, licenses: {allow: [MIT, "Apache-*"], deny: ["AGPL-*"]}}
      - {name: four eyes, different: [built by us, tests passed]}     # these two by different signers
      - {name: own words, cel: {predicateTypes: ["https://example.com/review"], expression: "predicate.approved"}}

A rule asks for statements that *are* there, never for one that is not: so none more can turn a yes into a no, and taking one away
never turns a no into a yes. Patterns are globs (`core/globs`). Unknown members are refused, and so is a policy without rules.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import msgspec

from sealwright.core import globs, strict
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value
from sealwright.core.policy import people
from sealwright.core.policy.people import People

API_VERSION, KIND = "sealwright.dev/v1alpha1", "Policy"
RULE_LIMIT, PATTERN_LIMIT = 200, 1000
EXPRESSION_LIMIT = 4096
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@value
class Materials:
    """`allow`: each material fits one; `require`: each of these fits a material. Empty asks for nothing."""

    allow: tuple[str, ...] = ()
    require: tuple[str, ...] = ()


@value
class Provenance:
    """How it was built. Each empty member asks for nothing; the statement itself must be there."""

    builders: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    materials: Materials = Materials()
    parameters: Mapping[str, tuple[str, ...]]
    service_accounts: tuple[str, ...] = ()
    max_age: timedelta | None = None
    hermetic: bool = False
    single_use: bool = False


@value
class Tasks:
    """Tasks of the pipeline that must have run and succeeded."""

    names: tuple[str, ...]


@value
class Test:
    """A test-result statement with one of these results."""

    results: tuple[str, ...]
    max_age: timedelta | None


@value
class Vulnerabilities:
    """A scan that found nothing of this severity or worse, apart from the ids that are ignored."""

    below: Severity
    ignore: frozenset[str]
    max_age: timedelta | None


@value
class Sbom:
    """A bill of materials in one of these formats."""

    formats: tuple[str, ...]


@value
class Licenses:
    """A bill of materials whose every package has a license that fits `allow` (empty: any known) and none of `deny`."""

    allow: tuple[str, ...]
    deny: tuple[str, ...]


@value
class Cel:
    """An expression over `subject`, `predicateType`, `predicate`, true for one statement of these types."""

    predicate_types: tuple[str, ...]
    expression: str


@value
class Different:
    """Rules of this policy that statements by different signers keep."""

    rules: tuple[str, ...]


Asked = Provenance | Tasks | Test | Vulnerabilities | Sbom | Licenses | Cel | Different


@value
class Rule:
    """One demand: `count` different signers (of provenance: builders) say what is `asked`."""

    name: str
    asked: Asked
    signers: tuple[str, ...] = ()
    count: int = 1


@value
class Policy:
    """`digest` is SHA-256 over the text that it was read from: what a summary says was judged by."""

    name: str
    signers: People
    rules: tuple[Rule, ...]
    digest: str = ""


# --- the wire -----------------------------------------------------------------------------------------------------------


class _Part(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Part of the object: an unknown member is a wish that would not be met."""


class _Materials(_Part, frozen=True):
    allow: list[str] = []
    require: list[str] = []


class _Provenance(_Part, frozen=True):
    builders: list[str] = []
    sources: list[str] = []
    branches: list[str] = []
    materials: _Materials = _Materials()
    parameters: dict[str, list[str]] = {}
    service_accounts: list[str] = []
    max_age: str = ""
    hermetic: bool = False
    single_use: bool = False


class _Test(_Part, frozen=True):
    results: tuple[Literal["PASSED", "WARNED", "FAILED"], ...] = ("PASSED",)
    max_age: str = ""


class _Vulnerabilities(_Part, frozen=True):
    below: Severity
    ignore: list[str] = []
    max_age: str = ""


class _Sbom(_Part, frozen=True):
    formats: tuple[Literal["spdx", "cyclonedx"], ...] = ("spdx", "cyclonedx")


class _Licenses(_Part, frozen=True):
    allow: list[str] = []
    deny: list[str] = []


class _Cel(_Part, frozen=True):
    predicate_types: list[str]
    expression: str


class _Rule(_Part, frozen=True):
    name: str
    signers: list[str] = []
    count: int = 1
    provenance: _Provenance | None = None
    tasks: list[str] | None = None
    test: _Test | None = None
    vulnerabilities: _Vulnerabilities | None = None
    sbom: _Sbom | None = None
    licenses: _Licenses | None = None
    cel: _Cel | None = None
    different: list[str] | None = None


class _Spec(_Part, frozen=True):
    rules: list[_Rule]
    signers: dict[str, people.Wire] = {}


class _Metadata(msgspec.Struct, frozen=True):
    """The API server adds members of its own."""

    name: str = ""


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    spec: _Spec
    metadata: _Metadata = _Metadata()


_KINDS = ("provenance", "tasks", "test", "vulnerabilities", "sbom", "licenses", "cel", "different")


# --- reading ------------------------------------------------------------------------------------------------------------


def parse(data: bytes, what: str) -> Policy:
    """The one Policy in JSON or YAML text. Raises Permanent: INVALID_POLICY, KEY_UNUSABLE, and what `strict` raises."""
    documents = strict.documents(data, what)
    if len(documents) != 1:
        raise _invalid(f"{what}: wanted one object, found {len(documents)}")
    return read(documents[0], what, hashlib.sha256(data).hexdigest())


def read(found: Any, what: str, digest: str = "") -> Policy:
    """The Policy in a decoded object. Raises as `parse`."""
    try:
        wire = msgspec.convert(found, _Object)
    except msgspec.ValidationError as error:
        raise _invalid(f"{what}: {error}") from error
    if (wire.api_version, wire.kind) != (API_VERSION, KIND):
        raise _invalid(f"{what}: wanted {API_VERSION} {KIND}, found {quote(f'{wire.api_version} {wire.kind}')}")
    signers = people.read(wire.spec.signers, what, Reason.INVALID_POLICY)
    if not 1 <= len(wire.spec.rules) <= RULE_LIMIT:
        raise _invalid(
            f"{what}: {len(wire.spec.rules)} rules, wanted 1 to {RULE_LIMIT}; a policy that asks for nothing proves nothing"
        )
    rules = tuple(_rule(given, signers, what) for given in wire.spec.rules)
    _check_names(rules, what)
    return Policy(name=wire.metadata.name, signers=signers, rules=rules, digest=digest)


def _rule(given: _Rule, signers: Mapping[str, Any], what: str) -> Rule:
    where = f"{what}: rule {quote(given.name)}"
    kinds = [kind for kind in _KINDS if getattr(given, kind) is not None]
    if len(kinds) != 1:
        raise _invalid(f"{where}: wanted exactly one of {', '.join(_KINDS)}, found {', '.join(kinds) or 'none'}")
    if strangers := [name for name in given.signers if name not in signers]:
        raise _invalid(f"{where}: no signer {quote(strangers[0])} in this policy")
    # Of provenance, builders are counted; of anything else signers, of whom there must be enough.
    most = len(given.signers) if given.signers and kinds != ["provenance"] else 100
    if not 1 <= given.count <= most:
        raise _invalid(f"{where}: count {given.count}, wanted 1 to {most}")
    return Rule(name=given.name, asked=_asked(given, where), signers=tuple(given.signers), count=given.count)


def _asked(given: _Rule, where: str) -> Asked:
    match given:
        case _Rule(provenance=_Provenance() as wire):
            return _provenance(wire, where)
        case _Rule(tasks=list(names)):
            return Tasks(names=_some(names, where, "tasks"))
        case _Rule(test=_Test() as test):
            return Test(results=_some(test.results, where, "results"), max_age=_age(test.max_age, where))
        case _Rule(vulnerabilities=_Vulnerabilities() as scan):
            return Vulnerabilities(below=scan.below, ignore=frozenset(scan.ignore), max_age=_age(scan.max_age, where))
    return _of_contents(given, where)


def _of_contents(given: _Rule, where: str) -> Asked:
    match given:
        case _Rule(sbom=_Sbom() as sbom):
            return Sbom(formats=_some(sbom.formats, where, "formats"))
        case _Rule(licenses=_Licenses() as licenses):
            return Licenses(allow=_globs(licenses.allow, where), deny=_globs(licenses.deny, where))
        case _Rule(cel=_Cel() as cel):
            if len(cel.expression) > EXPRESSION_LIMIT:
                raise _invalid(f"{where}: an expression of {len(cel.expression)} characters, more than {EXPRESSION_LIMIT}")
            return Cel(predicate_types=_some(cel.predicate_types, where, "predicateTypes"), expression=cel.expression)
    return Different(rules=tuple(given.different or ()))


def _provenance(wire: _Provenance, where: str) -> Provenance:
    return Provenance(
        builders=_globs(wire.builders, where),
        sources=_globs(wire.sources, where),
        branches=_globs(wire.branches, where),
        materials=Materials(allow=_globs(wire.materials.allow, where), require=_globs(wire.materials.require, where)),
        parameters={name: _some(_globs(values, where), where, f"parameters.{name}") for name, values in wire.parameters.items()},
        service_accounts=_globs(wire.service_accounts, where),
        max_age=_age(wire.max_age, where),
        hermetic=wire.hermetic,
        single_use=wire.single_use,
    )


def _globs(given: Sequence[str], where: str) -> tuple[str, ...]:
    if len(given) > PATTERN_LIMIT:
        raise _invalid(f"{where}: {len(given)} patterns, more than {PATTERN_LIMIT}")
    return tuple(map(globs.check, given))


def _some(given: Sequence[str], where: str, name: str) -> tuple[str, ...]:
    if not given or len(given) > PATTERN_LIMIT:
        raise _invalid(f"{where}: {name}: wanted 1 to {PATTERN_LIMIT}, found {len(given)}")
    return tuple(given)


def _age(text: str, where: str) -> timedelta | None:
    if not text:
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        raise _invalid(f"{where}: maxAge: wanted a number with s, m, h or d, like 30d, found {quote(text)}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _check_names(rules: Sequence[Rule], what: str) -> None:
    by_name = {rule.name: rule for rule in rules}
    if len(by_name) != len(rules):
        raise _invalid(f"{what}: two rules have the same name")
    for rule in rules:
        if isinstance(rule.asked, Different):
            named = [by_name.get(name) for name in rule.asked.rules]
            are_plain = all(other is not None and not isinstance(other.asked, Different | Tasks) for other in named)
            if len(set(rule.asked.rules)) != 2 or len(named) != 2 or not are_plain:
                wanted = "the names of two rules of this policy that are about statements"
                raise _invalid(f"{what}: rule {quote(rule.name)}: different: wanted {wanted}")


def _invalid(message: str) -> Permanent:
    return Permanent(Reason.INVALID_POLICY, message)
