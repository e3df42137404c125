"""What the documentation shows can be used as it stands."""

import re
from pathlib import Path

import pytest
import yaml

from sealwright.core.layout import pipeline
from sealwright.core.policy import language, words

PAGE = (Path(__file__).parents[1] / "docs" / "layouts-and-policies.md").read_text()
EXAMPLES = {
    yaml.safe_load(text)["kind"]: text.encode() for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
}


def test_the_layout_that_is_shown_is_one() -> None:
    assert set(pipeline.parse(EXAMPLES["Layout"], "the page").steps) == {"clone", "unit-test", "build", "deploy"}


def test_the_policy_that_is_shown_is_one() -> None:
    policy = language.parse(EXAMPLES["Policy"], "the page")

    assert len(policy.rules) == 7
    assert all(words.explain(rule) for rule in policy.rules)


@pytest.mark.parametrize("kind", ["Layout", "Policy"])
def test_each_kind_is_shown(kind: str) -> None:
    assert kind in EXAMPLES
