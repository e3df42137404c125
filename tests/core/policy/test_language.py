"""The object Policy: what is read, what is refused, and what it says in plain words."""

from contextlib import suppress
from typing import Any

import pytest
import yaml
from fakes import claims
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Permanent, Reason
from sealwright.core.policy import language, words

FULL = [
    {
        "name": "built by us",
        "signers": ["controller"],
        "provenance": {
            "builders": ["https://tekton.test/*"],
            "sources": ["git+https://git.test/*"],
            "branches": ["main"],
            "materials": {"allow": ["*"], "require": ["git+*"]},
            "parameters": {"target": ["prod"]},
            "serviceAccounts": ["builder"],
            "maxAge": "30d",
            "hermetic": True,
            "singleUse": True,
        },
    },
    {"name": "twice", "count": 2, "provenance": {}},
    {"name": "ran", "tasks": ["unit-test"]},
    {"name": "tested", "test": {"maxAge": "7d"}, "signers": ["security"]},
    {"name": "scanned", "vulnerabilities": {"below": "high", "ignore": ["CVE-1"], "maxAge": "7d"}},
    {"name": "listed", "sbom": {}},
    {"name": "licensed", "licenses": {"allow": ["MIT"], "deny": ["AGPL-*"]}},
    {"name": "four eyes", "different": ["built by us", "tested"]},
    {"name": "own", "cel": {"predicateTypes": ["https://review.test/v1"], "expression": "predicate.ok"}},
]


def test_a_policy_is_read_from_yaml() -> None:
    text = yaml.safe_dump(claims.policy_object(*FULL)).encode()
    policy = language.parse(text, "policy.yaml")

    assert [rule.name for rule in policy.rules] == [rule["name"] for rule in FULL]
    assert len(policy.digest) == 64


@pytest.mark.parametrize("rule", FULL, ids=lambda rule: rule["name"])
def test_each_rule_has_its_words(rule: dict[str, Any]) -> None:
    policy = claims.policy(*FULL)
    found = next(each for each in policy.rules if each.name == rule["name"])

    said = words.explain(found)

    assert len(said) > 20
    assert all(name in said for name in rule.get("signers", ()))


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{}],
        [{"provenance": {}, "test": {}}],
        [{"provenance": {"builder": ["x"]}}],
        [{"provenance": {}, "signers": ["nobody"]}],
        [{"provenance": {}, "count": 0}],
        [{"test": {}, "signers": ["security"], "count": 2}],
        [{"provenance": {"maxAge": "1 month"}}],
        [{"provenance": {"parameters": {"a": []}}}],
        [{"tasks": []}],
        [{"test": {"results": []}}],
        [{"vulnerabilities": {}}],
        [{"vulnerabilities": {"below": "worst"}}],
        [{"cel": {"predicateTypes": [], "expression": "true"}}],
        [{"cel": {"predicateTypes": ["a"], "expression": "1+" * 4000}}],
        [{"different": ["rule 1", "rule 1"]}],
        [{"provenance": {}}, {"different": ["rule 1", "rule 3"]}],
        [{"provenance": {}}, {"tasks": ["a"]}, {"different": ["rule 1", "rule 2"]}],
        [{"provenance": {}, "name": "a"}, {"test": {}, "name": "a"}],
    ],
)
def test_a_policy_that_asks_for_nothing_or_for_what_cannot_be_is_refused(rules: list[dict[str, Any]]) -> None:
    with pytest.raises(Permanent) as caught:
        claims.policy(*rules)

    assert caught.value.reason is Reason.INVALID_POLICY


def test_one_key_under_two_names_is_refused() -> None:
    found = claims.policy_object({"provenance": {}})
    found["spec"]["signers"]["other"] = found["spec"]["signers"]["controller"]

    with pytest.raises(Permanent):
        language.read(found, "policy")


def test_what_gives_pause_is_found() -> None:
    policy = claims.policy(
        {"provenance": {}},
        {"vulnerabilities": {"below": "high"}, "signers": ["security"]},
        {"cel": {"predicateTypes": ["a"], "expression": "predicate.("}, "signers": ["security"]},
    )

    found = "\n".join(map(str, words.lint(policy)))

    assert "signers.controller: no rule asks for this signer" in found
    assert "rule 'rule 1': no signers" in found
    assert "rule 'rule 1': any provenance will do" in found
    assert "rule 'rule 2': no maxAge" in found
    assert "rule 'rule 3': the expression" in found


_LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_JSON = st.recursive(_LEAF, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3))


@settings(deadline=None)
@given(found=_JSON, where=st.sampled_from(["spec", "kind", "metadata", "rules", "signers"]))
def test_any_other_value_is_refused_or_read_and_never_a_bug(found: Any, where: str) -> None:
    policy = claims.policy_object(*FULL)
    (policy if where in policy else policy["spec"])[where] = found

    with suppress(Permanent):
        language.read(policy, "policy")
