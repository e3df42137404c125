"""The object Layout: what is read, and what is refused because it could be meant and would not be checked."""

import copy
from contextlib import suppress
from typing import Any

import pytest
import yaml
from fakes import guarded
from fakes.guarded import step
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.errors import Permanent, Reason
from sealwright.core.layout import pipeline
from sealwright.core.layout.pipeline import ParamRule


def read(found: Any) -> pipeline.Layout:
    return pipeline.read(found, "layout.yaml")


def test_a_layout_is_read_from_yaml() -> None:
    layout = pipeline.parse(yaml.safe_dump(guarded.layout_object()).encode(), "layout.yaml")

    assert ("release", {"clone", "test", "build", "deploy"}) == (layout.name, set(layout.steps))
    assert (ParamRule(name="revision", step="clone", result="commit"),) == layout.steps["build"].params
    assert frozenset({"clone", "test", "build"}) == layout.steps["deploy"].before
    assert len(layout.trusted) == 2


def test_a_step_may_stand_before_those_that_it_comes_after() -> None:
    """Order is what `after` says, not the place in the list."""
    found = guarded.layout_object()
    found["spec"]["steps"].reverse()

    assert frozenset({"clone", "test", "build"}) == read(found).steps["deploy"].before


def circle(found: Any) -> None:
    step(found, "clone")["after"] = ["deploy"]


def unknown_step(found: Any) -> None:
    step(found, "clone")["after"] = ["lint"]


def unknown_source(found: Any) -> None:
    step(found, "build")["params"] = [{"name": "a", "from": "lint.result"}]


def unordered_match(found: Any) -> None:
    step(found, "clone")["products"] = ["MATCH * WITH PRODUCTS FROM build"]


def unknown_functionary(found: Any) -> None:
    step(found, "clone")["functionaries"] = ["nobody"]


def no_functionary(found: Any) -> None:
    step(found, "clone")["functionaries"] = []


def no_threshold(found: Any) -> None:
    step(found, "clone")["threshold"] = 0


def large_threshold(found: Any) -> None:
    step(found, "clone").update(threshold=2, functionaries=["controller", "controller"])


def one_key_twice(found: Any) -> None:
    found["spec"]["functionaries"]["other"] = {"key": guarded.pem(guarded.CONTROLLER)}


def unknown_member(found: Any) -> None:
    step(found, "clone")["serviceAccount"] = "builder"


def unknown_spec_member(found: Any) -> None:
    found["spec"]["inspect"] = []


def two_steps_of_a_name(found: Any) -> None:
    found["spec"]["steps"].append(copy.deepcopy(step(found, "clone")))


def no_steps(found: Any) -> None:
    found["spec"]["steps"] = []


def no_end(found: Any) -> None:
    found["spec"]["expires"] = "never"


def another_kind(found: Any) -> None:
    found["kind"] = "Policy"


def no_rule(found: Any) -> None:
    step(found, "build")["products"] = ["FORBID *"]


def both_origins(found: Any) -> None:
    step(found, "build")["params"] = [{"name": "a", "from": "clone.commit", "values": ["x"]}]


def no_origin(found: Any) -> None:
    step(found, "build")["params"] = [{"name": "a"}]


def half_origin(found: Any) -> None:
    step(found, "build")["params"] = [{"name": "a", "from": "clone"}]


def odd_digest(found: Any) -> None:
    step(found, "build")["task"] = {"digests": ["SHA256:AB"]}


def too_many_rules(found: Any) -> None:
    step(found, "build")["products"] = ["ALLOW a"] * 10_001


def too_many_steps(found: Any) -> None:
    found["spec"]["steps"] = [{"name": f"s{number}", "functionaries": ["controller"]} for number in range(1001)]


@pytest.mark.parametrize(
    "spoil",
    [
        circle, unknown_step, unknown_source, unordered_match, unknown_functionary, no_functionary, no_threshold, large_threshold,
        one_key_twice, unknown_member, unknown_spec_member, two_steps_of_a_name, no_steps, no_end, another_kind, no_rule,
        both_origins, no_origin, half_origin, odd_digest, too_many_rules, too_many_steps,
    ],
)  # fmt: skip
def test_a_layout_that_cannot_be_kept_is_refused(spoil) -> None:
    found = guarded.layout_object()
    spoil(found)

    with pytest.raises(Permanent) as caught:
        read(found)

    assert Reason.INVALID_LAYOUT is caught.value.reason
    assert caught.value.message.startswith("layout.yaml")


def test_a_broken_key_is_named() -> None:
    found = guarded.layout_object()
    found["spec"]["functionaries"]["controller"]["key"] = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"

    with pytest.raises(Permanent) as caught:
        read(found)

    assert "signer 'controller'" in caught.value.message


_LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_JSON = st.recursive(_LEAF, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3))


@given(
    found=_JSON, where=st.sampled_from(["spec", "metadata", "kind", "steps", "functionaries", "expires", "finally", "pipeline"])
)
def test_any_other_value_is_refused_or_read_and_never_a_bug(found: Any, where: str) -> None:
    layout = guarded.layout_object()
    (layout if where in layout else layout["spec"])[where] = found

    with suppress(Permanent):
        read(layout)
