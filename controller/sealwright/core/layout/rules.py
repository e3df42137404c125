"""Artifact rules of in-toto: read from words, worked off like the rules of a firewall.

A list of rules judges the materials or the products of one step. Their names wait in a queue; each rule in turn takes out those
that it explains. Only DISALLOW (something it fits is still waiting) and REQUIRE (this name is not waiting any more) can say
no: a list that ends without `DISALLOW *` lets pass what no rule explained.

MATCH takes out what another step has under the same name, with the same digests. Source: in-toto specification 1.0, 4.3.3.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from sealwright.core import globs
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import value

Kind = Literal["CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE", "MATCH"]
Side = Literal["materials", "products"]
# Algorithm -> hex. Two artifacts are the same if they have the same digests, all of them.
Digests = Mapping[str, str]
# Whether the step of this name has, on this side, an artifact of this name with these digests; None if there is no such step.
Has = Callable[[str, Side, str, Digests], bool | None]

RULE_LIMIT = 10_000  # in one layout
_PLAIN = ("CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE")
_SHOWN = 3


@value
class Rule:
    """`prefix` is taken off this step's names and `target_prefix` put before the other's; the last four are for MATCH alone."""

    kind: Kind
    pattern: str
    prefix: str = ""
    target: Side = "products"
    target_prefix: str = ""
    step: str = ""

    def __str__(self) -> str:
        if self.kind != "MATCH":
            return f"{self.kind} {self.pattern}"
        own = f" IN {self.prefix}" if self.prefix else ""
        other = f" IN {self.target_prefix}" if self.target_prefix else ""
        return f"MATCH {self.pattern}{own} WITH {self.target.upper()}{other} FROM {self.step}"


@value
class Artifacts:
    """What a step used and what it made, by name."""

    materials: Mapping[str, Digests]
    products: Mapping[str, Digests]


@value
class Broken:
    """The rule that said no, what it asked for and what it met."""

    rule: Rule
    expected: str
    found: str


# --- reading ------------------------------------------------------------------------------------------------------------


def parse(words: Any) -> Rule:
    """A rule from its list of words, or from a line that a shell would split into them. Keywords in any case.

    Raises Permanent(INVALID_LAYOUT), TOO_LARGE for a pattern that is too long.
    """
    listed = _split(words) if isinstance(words, str) else words
    if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed) or len(listed) < 2:
        raise _wrong(words)
    kind, pattern = listed[0].upper(), globs.check(listed[1])
    if kind in _PLAIN and len(listed) == 2:
        return Rule(kind=cast("Kind", kind), pattern=pattern)
    if kind == "MATCH":
        return _match(pattern, listed)
    raise _wrong(words)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise _wrong(line) from error


def _match(pattern: str, words: list[str]) -> Rule:
    """`MATCH pattern [IN prefix] WITH side [IN prefix] FROM step`; a prefix or a step may be called like a keyword."""
    match [word.lower() for word in words[2:]]:
        case ["with", side, "from", _]:
            prefix, target_prefix = "", ""
        case ["in", _, "with", side, "from", _]:
            prefix, target_prefix = words[3], ""
        case ["with", side, "in", _, "from", _]:
            prefix, target_prefix = "", words[5]
        case ["in", _, "with", side, "in", _, "from", _]:
            prefix, target_prefix = words[3], words[7]
        case _:
            raise _wrong(words)
    if side not in ("materials", "products"):
        raise _wrong(words)
    target = cast("Side", side)
    return Rule(kind="MATCH", pattern=pattern, prefix=prefix, target=target, target_prefix=target_prefix, step=words[-1])


def _wrong(words: object) -> Permanent:
    wanted = f"{'|'.join(_PLAIN)} PATTERN, or MATCH PATTERN [IN PREFIX] WITH MATERIALS|PRODUCTS [IN PREFIX] FROM STEP"
    return Permanent(Reason.INVALID_LAYOUT, f"an artifact rule: wanted {wanted}, found {quote(words)}")


# --- judging ------------------------------------------------------------------------------------------------------------


def judge(rules: Sequence[Rule], artifacts: Artifacts, side: Side, has: Has) -> Broken | None:
    """The first rule that says no, or None. Raises Permanent(TOO_LARGE) where it would be too much work."""
    own = artifacts.materials if side == "materials" else artifacts.products
    _bound(rules, own)
    queue = set(own)
    for rule in rules:
        match rule.kind:
            case "DISALLOW":
                if forbidden := globs.matching(queue, rule.pattern):
                    return Broken(rule=rule, expected=f"no {side} that fit and no rule before explains", found=_listed(forbidden))
            case "REQUIRE":
                # in-toto takes the name as it is: a star in it is a star.
                if rule.pattern not in queue:
                    return Broken(rule=rule, expected=f"{quote(rule.pattern)} among the {side}", found=_listed(queue))
            case "MATCH":
                taken = _matched(rule, queue, own, has)
                if taken is None:
                    return Broken(rule=rule, expected="names that stay the same behind the prefix", found=_listed(queue))
                queue -= taken
            case _:
                queue -= _explained(rule, queue, artifacts)
    return None


def _explained(rule: Rule, queue: set[str], artifacts: Artifacts) -> set[str]:
    fitting = globs.matching(queue, rule.pattern)
    before, after = artifacts.materials, artifacts.products
    match rule.kind:
        case "CREATE":
            return {name for name in fitting if name in after and name not in before}
        case "DELETE":
            return {name for name in fitting if name in before and name not in after}
        case "MODIFY":
            return {name for name in fitting if name in before and name in after and before[name] != after[name]}
    return fitting


def _matched(rule: Rule, queue: set[str], own: Mapping[str, Digests], has: Has) -> set[str] | None:
    """What the other step has too; None where a name cannot be told from its prefix (in-toto stops there)."""
    prefix = _join(rule.prefix, "") if rule.prefix else ""
    bare = {name.removeprefix(prefix) for name in queue if name.startswith(prefix)}
    taken = set()
    for name in globs.matching(bare, rule.pattern):
        here = _join(rule.prefix, name) if rule.prefix else name
        there = _join(rule.target_prefix, name) if rule.target_prefix else name
        is_there = has(rule.step, rule.target, there, own.get(here, {}))
        if is_there is not None and here not in own:
            return None
        if is_there:
            taken.add(here)
    return taken


def _join(prefix: str, name: str) -> str:
    """As POSIX joins paths, then with slashes only: so does in-toto."""
    joined = name if name.startswith("/") else f"{prefix}{name}" if prefix.endswith("/") else f"{prefix}/{name}"
    return joined.replace("\\", "/")


def _bound(rules: Sequence[Rule], own: Mapping[str, Digests]) -> None:
    characters = sum(map(len, own))
    total = sum(globs.effort(rule.pattern, characters) for rule in rules)
    if total > globs.EFFORT_LIMIT:
        message = f"{len(rules)} rules over {len(own)} artifacts are more work than is done for one list; use fewer wildcards"
        raise Permanent(Reason.TOO_LARGE, message)


def _listed(names: set[str]) -> str:
    """A few of the names; the least, so that the same input gives the same words."""
    shown = ", ".join(quote(name) for name in sorted(names)[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (shown + more) or "none"
