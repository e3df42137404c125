"""Artifact rules: words in and out, and verdicts equal to those of in-toto-python over the same rules and artifacts."""

import pytest
from fakes import growth
from hypothesis import given, settings
from hypothesis import strategies as st
from in_toto import verifylib
from in_toto.exceptions import RuleVerificationError
from in_toto.models.link import Link

from sealwright.core import globs
from sealwright.core.errors import Permanent, Reason
from sealwright.core.layout import rules
from sealwright.core.layout.rules import Artifacts, Rule

ROWS = [
    ("CREATE foo", Rule(kind="CREATE", pattern="foo")),
    ("DISALLOW *", Rule(kind="DISALLOW", pattern="*")),
    ("MATCH * WITH PRODUCTS FROM a", Rule(kind="MATCH", pattern="*", step="a")),
    ("MATCH x WITH MATERIALS FROM a", Rule(kind="MATCH", pattern="x", target="materials", step="a")),
    ("MATCH x IN p WITH PRODUCTS FROM a", Rule(kind="MATCH", pattern="x", prefix="p", step="a")),
    ("MATCH x WITH PRODUCTS IN q FROM a", Rule(kind="MATCH", pattern="x", target_prefix="q", step="a")),
    ("MATCH x IN p WITH PRODUCTS IN q FROM a", Rule(kind="MATCH", pattern="x", prefix="p", target_prefix="q", step="a")),
]


@pytest.mark.parametrize(("line", "rule"), ROWS)
def test_a_rule_and_its_words_agree(line: str, rule: Rule) -> None:
    assert rule == rules.parse(line) == rules.parse(line.split())
    assert line == str(rule)


def test_keywords_are_read_in_any_case_and_a_line_as_a_shell_would() -> None:
    assert Rule(kind="MATCH", pattern="a b", step="In") == rules.parse('match "a b" with products from In')


@pytest.mark.parametrize(
    "words",
    [
        "",
        "CREATE",
        "CREATE a b",
        "MAKE a",
        "MATCH a",
        "MATCH a WITH THINGS FROM b",
        "MATCH a FROM b",
        "ALLOW 'a",
        7,
        None,
        ["A", 1],
        [],
    ],
)
def test_what_is_no_rule_is_refused(words) -> None:
    with pytest.raises(Permanent) as caught:
        rules.parse(words)

    assert Reason.INVALID_LAYOUT is caught.value.reason


# --- the same verdicts as in-toto-python --------------------------------------------------------------------------------

_NAME = st.sampled_from(["a", "b", "ab", "dir/a", "dir/b", "dir//a", "in/dir/a", "a[1]", "*", "[!a]", "dir\\a", "ä", "A", "a\nb"])
_PATTERN = st.one_of(
    _NAME,
    st.sampled_from(["*", "**", "?", "dir/*", "[!a]", "[^a]", "[a-b]", "[b-a]", "[", "./a", "*/a", "a*b", "[]]", "[[]", "\\a"]),
)
_PREFIX = st.sampled_from(["dir", "dir/", "in/dir", "", "."])
_DIGEST = st.sampled_from([{"sha256": "aa"}, {"sha256": "bb"}, {"sha256": "aa", "sha512": "cc"}])
_ARTIFACTS = st.dictionaries(_NAME, _DIGEST, max_size=5)


@st.composite
def _words(draw: st.DrawFn) -> list[str]:
    kind = draw(st.sampled_from(["CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE", "MATCH", "MATCH"]))
    pattern = draw(_PATTERN)
    if kind != "MATCH":
        return [kind, pattern]
    prefix, target = draw(_PREFIX), draw(_PREFIX)
    own, other = (["IN", prefix] if prefix else []), (["IN", target] if target else [])
    side, step = draw(st.sampled_from(["MATERIALS", "products"])), draw(st.sampled_from(["own", "other", "none"]))
    return ["MATCH", pattern, *own, "WITH", side, *other, "FROM", step]


def theirs(words: list[list[str]], side: str, links: dict[str, Link]) -> bool:
    try:
        verifylib.verify_item_rules("own", side, words, links)
    except (RuleVerificationError, KeyError):
        return False
    return True


def ours(words: list[list[str]], side: rules.Side, links: dict[str, Artifacts]) -> bool:
    def has(step: str, target: rules.Side, name: str, digests: rules.Digests) -> bool | None:
        return getattr(links[step], target).get(name) == digests if step in links else None

    return rules.judge([rules.parse(each) for each in words], links["own"], side, has) is None


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(_words(), max_size=5),
    side=st.sampled_from(["materials", "products"]),
    own=st.tuples(_ARTIFACTS, _ARTIFACTS),
    other=st.tuples(_ARTIFACTS, _ARTIFACTS),
)
def test_rules_are_judged_as_in_toto_judges_them(words, side, own, other) -> None:
    pairs = {"own": own, "other": other}
    their_links = {name: Link(name=name, materials=used, products=made) for name, (used, made) in pairs.items()}
    our_links = {name: Artifacts(materials=used, products=made) for name, (used, made) in pairs.items()}

    assert theirs(words, side, their_links) == ours(words, side, our_links)


# --- work ---------------------------------------------------------------------------------------------------------------

EVIL = ["*a" * 40 + "b", "a?" * 60 + "*b", "*?" * 60 + "b", "[!b]*" * 60 + "c", "**" * 100 + "b"]


@pytest.mark.parametrize("pattern", EVIL)
def test_evil_patterns_take_time_in_proportion_to_the_name(pattern: str) -> None:
    assert growth.is_linear(lambda name: globs.matching([name], pattern), lambda size: "a" * size, 4000)


def test_a_pattern_may_not_be_endless() -> None:
    with pytest.raises(Permanent) as caught:
        rules.parse(["ALLOW", "a" * 5000])

    assert Reason.TOO_LARGE is caught.value.reason


def test_work_without_end_is_refused_before_it_begins() -> None:
    artifacts = Artifacts(materials={f"{'a' * 200}{number}": {} for number in range(1000)}, products={})
    many = [rules.parse(["ALLOW", f"*{number}"]) for number in range(1000)]

    with pytest.raises(Permanent) as caught:
        rules.judge(many, artifacts, "materials", lambda *_: False)

    assert Reason.TOO_LARGE is caught.value.reason


def test_ten_thousand_plain_rules_are_no_trouble() -> None:
    artifacts = Artifacts(materials={f"{number}": {} for number in range(10_000)}, products={})
    every = [rules.parse(["DELETE", f"{number}"]) for number in range(10_000)]

    assert rules.judge([*every, rules.parse("DISALLOW *")], artifacts, "materials", lambda *_: False) is None


def test_a_broken_rule_names_some_of_what_it_met() -> None:
    artifacts = Artifacts(materials={}, products={name: {} for name in "abcde"})

    broken = rules.judge([rules.parse("ALLOW a"), rules.parse("DISALLOW *")], artifacts, "products", lambda *_: False)

    assert broken is not None
    assert (str(broken.rule), broken.found) == ("DISALLOW *", "'b', 'c', 'd' and 1 more")
