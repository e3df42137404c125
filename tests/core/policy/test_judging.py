"""Policies over verified statements: each rule with what keeps it and what does not, and no way around the proof."""

import pytest
from fakes import claims
from fakes.claims import (
    APP,
    CONTROLLER,
    LONG_AGO,
    OTHER_BUILDER,
    SECURITY,
    STRANGER,
    bill,
    checks,
    policy,
    provenance,
    said,
    scan,
)
from fakes.objects import DIGEST
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.model import Subject, Verified
from sealwright.core.policy import judging
from sealwright.core.policy.judging import Question
from sealwright.core.policy.verdict import State, Verdict

OTHER = Subject(name=APP.name, digest={"sha256": "cd" * 32})
REVIEW = "https://review.test/v1"


def judge(rules: list[claims.Json], *statements: Verified) -> Verdict:
    return judging.judge(policy(*rules), Question(digest=DIGEST, statements=statements, now=claims.NOW))


def state(rule: claims.Json, *statements: Verified) -> State:
    return judge([rule], *statements).state


PROVENANCE_ROWS = [
    ("the builder", {"builders": ["https://tekton.test/*"]}, provenance(), provenance(builder="https://other.test/x")),
    ("a source", {"sources": ["git+https://git.test/team/*"]}, provenance(), provenance(sources=["git+https://evil.test/app"])),
    (
        "every source",
        {"sources": ["git+https://git.test/*"]},
        provenance(),
        provenance(sources=["git+https://git.test/a", "git+x"]),
    ),
    ("that there is a source", {"sources": ["*"]}, provenance(), provenance(sources=["oci://a"])),
    ("the branch", {"branches": ["main", "release-*"]}, provenance(), provenance(params={"revision": "feature"})),
    (
        "the branch in the source",
        {"branches": ["main"]},
        provenance(sources=["git+https://git.test/a@refs/heads/main"], params={"revision": "x"}),
        provenance(sources=["git+https://git.test/a@refs/heads/evil"]),
    ),
    ("that there is a branch", {"branches": ["*"]}, provenance(), provenance(params={})),
    ("all materials", {"materials": {"allow": ["git+*"]}}, provenance(), provenance(sources=["git+a", "oci://evil"])),
    ("one material", {"materials": {"require": ["git+*/team/*"]}}, provenance(), provenance(sources=["git+https://git.test/b"])),
    ("a parameter", {"parameters": {"target": ["prod"]}}, provenance(), provenance(params={"target": "test"})),
    ("that there is the parameter", {"parameters": {"target": ["*"]}}, provenance(), provenance(params={})),
    ("the ServiceAccount", {"serviceAccounts": ["builder"]}, provenance(), provenance(account="default")),
    ("the age", {"maxAge": "30d"}, provenance(), provenance(finished=LONG_AGO)),
    ("the age in the future", {"maxAge": "30d"}, provenance(), provenance(finished="2027-01-01T00:00:00Z")),
    ("the age that is said", {"maxAge": "30d"}, provenance(), provenance(finished="yesterday")),
    ("hermetic mode", {"hermetic": True}, provenance(), provenance(annotations={})),
    (
        "single use",
        {"singleUse": True},
        provenance(workspaces=[{"name": "w", "volumeClaimTemplate": {"spec": {}}}]),
        provenance(workspaces=[{"name": "w", "persistentVolumeClaim": {"claimName": "shared"}}]),
    ),
]


@pytest.mark.parametrize(("asked", "good", "bad"), [row[1:] for row in PROVENANCE_ROWS], ids=[row[0] for row in PROVENANCE_ROWS])
def test_provenance_is_asked_for(asked: claims.Json, good: Verified, bad: Verified) -> None:
    assert [state({"provenance": asked}, each) for each in (good, bad)] == [State.PASS, State.FAIL]


OTHER_ROWS = [
    ("tasks ran", {"tasks": ["unit-test", "vuln-scan"]}, provenance(), provenance(tasks={"unit-test": "True"})),
    ("tasks passed", {"tasks": ["unit-test"]}, provenance(), provenance(tasks={"unit-test": "False"})),
    ("tests passed", {"test": {}}, checks(), checks("FAILED")),
    ("tests of today", {"test": {"maxAge": "2d"}}, checks(), checks(timestamp=LONG_AGO)),
    ("no holes", {"vulnerabilities": {"below": "high"}}, scan(("CVE-1", "medium")), scan(("CVE-1", "HIGH"))),
    ("no holes by score", {"vulnerabilities": {"below": "high"}}, scan(("CVE-1", "6.9")), scan(("CVE-1", "7.0"))),
    ("no hole hidden by another", {"vulnerabilities": {"below": "high"}}, scan(), scan(("CVE-1", "9.8"), ("CVE-1", "low"))),
    ("no hole of unknown depth", {"vulnerabilities": {"below": "critical"}}, scan(), scan(("CVE-1", "perhaps"))),
    (
        "holes that are ignored",
        {"vulnerabilities": {"below": "low", "ignore": ["CVE-1"]}},
        scan(("CVE-1", "critical")),
        scan(("CVE-2", "low")),
    ),
    ("a scan of today", {"vulnerabilities": {"below": "low", "maxAge": "2d"}}, scan(), scan(finished=LONG_AGO)),
    ("a bill", {"sbom": {"formats": ["cyclonedx"]}}, bill("MIT"), bill()),
    (
        "a bill of that format",
        {"sbom": {"formats": ["cyclonedx"]}},
        bill("MIT"),
        said(claims.facts.SPDX, {"packages": [{"name": "a"}]}),
    ),
    ("licenses", {"licenses": {"allow": ["MIT"]}}, bill("MIT"), bill("MIT", "AGPL-3.0")),
    ("licenses that are said", {"licenses": {"deny": ["AGPL-*"]}}, bill("MIT"), bill("MIT", "")),
    ("a choice of licenses", {"licenses": {"allow": ["MIT"]}}, bill("GPL-2.0 OR MIT"), bill("GPL-2.0 AND MIT")),
    ("licenses that are understood", {"licenses": {"allow": ["MIT"]}}, bill("MIT"), bill("(MIT AND X)")),
    ("no license that is denied", {"licenses": {"allow": ["*"], "deny": ["AGPL-*"]}}, bill("MIT"), bill("AGPL-3.0")),
    (
        "an expression",
        {
            "cel": {
                "predicateTypes": [REVIEW],
                "expression": "predicate.approvals.size() >= 2 && subject[0].name.startsWith('reg')",
            }
        },
        said(REVIEW, {"approvals": ["a", "b"]}),
        said(REVIEW, {"approvals": ["a"]}),
    ),
    (
        "an expression that is true and not something else",
        {"cel": {"predicateTypes": [REVIEW], "expression": "predicate.ok"}},
        said(REVIEW, {"ok": True}),
        said(REVIEW, {"ok": "yes"}),
    ),
    (
        "an expression over members that are there",
        {"cel": {"predicateTypes": [REVIEW], "expression": "predicate.ok"}},
        said(REVIEW, {"ok": True}),
        said(REVIEW, {}),
    ),
    ("a builder twice", {"count": 2, "provenance": {}}, None, provenance()),
]


@pytest.mark.parametrize(
    ("rule", "good", "bad"), [row[1:] for row in OTHER_ROWS if row[2]], ids=[row[0] for row in OTHER_ROWS if row[2]]
)
def test_other_kinds_are_asked_for(rule: claims.Json, good: Verified, bad: Verified) -> None:
    assert [state(rule, each) for each in (good, bad)] == [State.PASS, State.FAIL]


def test_nothing_signed_keeps_no_rule() -> None:
    verdict = judge([{"provenance": {}}, {"test": {}}])

    assert verdict.state is State.FAIL
    assert len(verdict.breaches) == 2


def test_a_statement_about_something_else_counts_for_nothing() -> None:
    assert state({"provenance": {}}, provenance(subject=OTHER)) is State.FAIL


@pytest.mark.parametrize(("by", "expected"), [(CONTROLLER, State.PASS), (SECURITY, State.FAIL), (STRANGER, State.FAIL)])
def test_only_its_signers_keep_a_rule(by, expected: State) -> None:
    assert state({"signers": ["controller"], "provenance": {}}, provenance(by)) is expected


def test_two_builders_with_one_digest_are_two() -> None:
    rule = {"count": 2, "provenance": {}}

    assert state(rule, provenance(), provenance(builder=OTHER_BUILDER)) is State.PASS
    assert state(rule, provenance(), provenance(SECURITY)) is State.FAIL
    assert state(rule, provenance(), provenance(builder=OTHER_BUILDER, subject=OTHER)) is State.FAIL


def test_two_signers_of_a_test_are_two() -> None:
    rule = {"count": 2, "signers": ["controller", "security"], "test": {}}

    assert state(rule, checks(), checks(by=CONTROLLER)) is State.PASS
    assert state(rule, checks(), checks()) is State.FAIL


def test_who_wrote_it_does_not_approve_it() -> None:
    rules = [{"provenance": {}}, {"test": {}}, {"different": ["rule 1", "rule 2"]}]

    assert judge(rules, provenance(), checks()).state is State.PASS
    assert judge(rules, provenance(SECURITY), checks()).state is State.FAIL


def test_a_broken_rule_says_what_was_there() -> None:
    [breach] = judge([{"provenance": {"builders": ["https://a.test"]}}], provenance()).breaches

    assert breach.rule == "rule 'rule 1'"
    assert breach.found == f"the builder is '{claims.BUILDER}', wanted 'https://a.test'"


def test_provenance_of_the_older_version_is_read_too() -> None:
    predicate = {
        "builder": {"id": claims.BUILDER},
        "invocation": {"parameters": {"target": "prod"}, "environment": {"annotations": {}}},
        "metadata": {"buildFinishedOn": claims.RECENTLY},
        "buildConfig": {"tasks": [{"name": "unit-test", "status": "Succeeded"}, {"name": "lint", "status": "Failed"}]},
        "materials": [{"uri": "git+https://git.test/team/app.git", "digest": {"sha1": "0" * 40}}],
    }
    old = said(claims.facts.SLSA_V02, predicate)

    asked = {"builders": [claims.BUILDER], "sources": ["git+*"], "parameters": {"target": ["prod"]}, "maxAge": "2d"}
    assert state({"provenance": asked}, old) is State.PASS
    assert [state({"tasks": [name]}, old) for name in ("unit-test", "lint")] == [State.PASS, State.FAIL]
    assert state({"provenance": {"hermetic": True}}, old) is State.FAIL


def test_an_expression_that_loops_over_a_hostile_statement_ends() -> None:
    expression = "predicate.l.all(a, predicate.l.all(b, predicate.l.all(c, a + b + c != 'x')))"
    hostile = said(REVIEW, {"l": [str(n) for n in range(2000)]})

    assert state({"cel": {"predicateTypes": [REVIEW], "expression": expression}}, hostile) is State.FAIL


def test_without_its_evaluator_an_expression_is_could_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cel_expr_python", None)

    assert state({"cel": {"predicateTypes": [REVIEW], "expression": "1 == 2 - 1"}}, said(REVIEW, {})) is State.UNKNOWN


def test_an_expression_that_is_none_is_a_no() -> None:
    assert state({"cel": {"predicateTypes": [REVIEW], "expression": "predicate.("}}, said(REVIEW, {})) is State.FAIL


# --- properties ---------------------------------------------------------------------------------------------------------

_RULES = [
    {"provenance": {"builders": [claims.BUILDER]}, "signers": ["controller"]},
    {"provenance": {}, "count": 2},
    {"test": {}, "signers": ["security"]},
    {"vulnerabilities": {"below": "high"}},
    {"licenses": {"deny": ["AGPL-*"]}},
    {"different": ["rule 1", "rule 3"]},
]
_POOL = [
    provenance(),
    provenance(SECURITY),
    provenance(builder=OTHER_BUILDER),
    provenance(subject=OTHER),
    checks(),
    checks(by=CONTROLLER),
    checks("FAILED"),
    scan(),
    scan(("CVE-1", "critical")),
    bill("MIT"),
    bill("AGPL-3.0"),
    said(REVIEW, {}),
]


@settings(max_examples=150, deadline=None)
@given(picked=st.lists(st.sampled_from(range(len(_POOL))), unique=True), data=st.data())
def test_taking_a_statement_away_never_turns_no_into_yes(picked: list[int], data) -> None:
    """And one that is irrelevant turns nothing into anything."""
    more = judge(_RULES, *(_POOL[n] for n in picked)).state
    kept = data.draw(st.sets(st.sampled_from(picked))) if picked else set()

    assert more is State.PASS or judge(_RULES, *(_POOL[n] for n in kept)).state is not State.PASS


def test_all_of_it_together_is_a_yes() -> None:
    """What the property above takes away from."""
    assert judge(_RULES, *_POOL).state is State.PASS
