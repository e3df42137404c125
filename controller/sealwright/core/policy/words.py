"""A Policy in plain words, and what in it gives pause."""

from collections.abc import Iterator, Mapping

from sealwright.core.errors import Permanent, Transient, quote
from sealwright.core.model import Finding
from sealwright.core.policy import cel
from sealwright.core.policy.language import (
    Cel,
    Different,
    Licenses,
    Policy,
    Provenance,
    Rule,
    Sbom,
    Tasks,
    Test,
    Vulnerabilities,
)


def explain(rule: Rule) -> str:
    """One sentence for one rule."""
    who = f" signed by {_or(rule.signers)}" if rule.signers else " signed by anybody who is trusted"
    match rule.asked:
        case Different(rules=names):
            return f"{' and '.join(map(quote, names))} are kept by statements of different signers"
        case Provenance() as asked:
            number = f"from {rule.count} different builders, " if rule.count > 1 else ""
            return f"provenance, {number}{', '.join(_provenance(asked)) or 'whatever it says'};{who}"
        case Tasks(names=names):
            what = f"provenance of a pipeline in which {_and(names)} ran and succeeded"
        case Test(results=results):
            what = f"a test result {_or(results)}"
        case Vulnerabilities(below=below, ignore=ignore):
            but = f", apart from {_and(tuple(sorted(ignore)))}" if ignore else ""
            what = f"a scan without vulnerabilities of severity {below} or worse{but}"
        case Sbom(formats=formats):
            what = f"a bill of materials ({_or(formats)})"
        case Licenses(allow=allow, deny=deny):
            what = f"a bill of materials with licenses of {_or(allow) or 'any kind'}" + (f", none of {_or(deny)}" if deny else "")
        case Cel(predicate_types=types, expression=expression):
            what = f"a statement of type {_or(types)} for which {expression} is true"
    number = f" ({rule.count} different signers)" if rule.count > 1 else ""
    return what + number + _within(rule.asked) + ";" + who


def _provenance(asked: Provenance) -> Iterator[str]:
    lists: Mapping[str, tuple[str, ...]] = {
        "by the builder": asked.builders,
        "from sources like": asked.sources,
        "of the branch": asked.branches,
        "of nothing but": asked.materials.allow,
        "run as the ServiceAccount": asked.service_accounts,
    }
    yield from (f"{words} {_or(names)}" for words, names in lists.items() if names)
    yield from (f"of something like {name}" for name in asked.materials.require)
    yield from (f"with {name} set to {_or(values)}" for name, values in asked.parameters.items())
    if asked.max_age:
        yield f"not older than {asked.max_age}"
    if asked.hermetic:
        yield "in hermetic execution mode"
    if asked.single_use:
        yield "with no workspace that outlives the run"


def _within(asked: object) -> str:
    age = asked.max_age if isinstance(asked, Test | Vulnerabilities) else None
    return f", not older than {age}" if age else ""


def lint(policy: Policy) -> list[Finding]:
    """What may not do what it seems to. An expression that does not compile is found here, not only when it is judged."""
    used = {name for rule in policy.rules for name in rule.signers}
    unused = [
        Finding(where=f"signers.{name}", message="no rule asks for this signer") for name in policy.signers if name not in used
    ]
    return unused + [finding for rule in policy.rules for finding in _lint(rule)]


def _lint(rule: Rule) -> Iterator[Finding]:
    where = f"rule {quote(rule.name)}"
    if not rule.signers and not isinstance(rule.asked, Different):
        yield Finding(where=where, message="no signers: anybody whose key is trusted may say so")
    match rule.asked:
        case Provenance() as asked if not list(_provenance(asked)):
            yield Finding(where=where, message="any provenance will do, whoever built it from whatever")
        case Vulnerabilities(max_age=None):
            yield Finding(where=where, message="no maxAge: a scan from years ago knows none of today's vulnerabilities")
        case Cel(expression=expression):
            try:
                cel.check(expression)
            except (Permanent, Transient) as fault:
                yield Finding(where=where, message=fault.message)


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(names)


def _and(names: tuple[str, ...]) -> str:
    return " and ".join(names)
