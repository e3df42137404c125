"""What a verified statement says of a step: only what is signed, and nothing that a task can say in another's name."""

import base64
import json
from typing import Any

import pytest
from fakes import guarded, tekton_runs
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core import statement
from sealwright.core.layout import claims
from sealwright.core.layout.claims import Claim
from sealwright.core.model import Subject
from sealwright.core.tekton import links

HEX, OTHER = tekton_runs.HEX, tekton_runs.OTHER_HEX


def read(word: str = "slsa/v2alpha3", **changes: Any) -> Claim:
    payload = tekton_runs.build(tekton_runs.read(tekton_runs.task_run()), word, **changes).payload
    found = claims.read(guarded.prove(payload.body))
    assert found is not None
    return found


def of_predicate(predicate: dict[str, Any], subjects: tuple[Subject, ...] = ()) -> Claim:
    found = claims.read(guarded.prove(statement.encode(statement.V1, subjects, claims.SLSA_V1, predicate)))
    assert found is not None
    return found


@pytest.mark.parametrize("word", ["slsa/v2alpha3", "slsa/v2alpha4"])
def test_provenance_says_which_run_it_is_about(word: str) -> None:
    found = read(word)

    assert (found.uid, found.service_account, found.task_name) == ("uid-build", "builder", "build")
    assert (f"sha1:{tekton_runs.COMMIT}",) == found.definitions
    assert links.value_digest(tekton_runs.COMMIT) == found.params["CHAINS-GIT_COMMIT"]


def test_the_task_of_the_pipeline_is_said_where_labels_are() -> None:
    assert (read().task, read(build_type=tekton_runs.WITH_OBJECTS).task) == ("", "build")


def test_results_are_signed_by_value() -> None:
    assert {
        "IMAGE_URL": links.value_digest("registry.test/team/app"),
        "IMAGE_DIGEST": links.value_digest(tekton_runs.DIGEST),
    } == read().results


def test_parameters_and_results_are_artifacts_too() -> None:
    found = read()

    assert {"sha256": links.value_digest(tekton_runs.DIGEST)} == found.artifacts.products["results/IMAGE_DIGEST"]
    assert found.artifacts.products["registry.test/team/app"] == {"sha256": HEX}
    assert "params/CHAINS-GIT_URL" in found.artifacts.materials


def test_a_task_cannot_name_an_artifact_like_a_result() -> None:
    found = of_predicate({}, (Subject(name="results/x", digest={"sha256": HEX}), Subject(name="y", digest={"sha256": HEX})))

    assert found.artifacts.products == {"y": {"sha256": HEX}}


def test_no_artifact_is_hidden_behind_another_of_its_name() -> None:
    """A rule sees both, and another step's rule finds each by name and digest."""
    both = (Subject(name="app", digest={"sha256": HEX}), Subject(name="app", digest={"sha256": OTHER}))
    artifacts = of_predicate({}, both).artifacts

    assert {"app", f"app@sha256:{OTHER}"} == set(artifacts.products)
    assert claims.has(artifacts, "products", "app", {"sha256": HEX})
    assert claims.has(artifacts, "products", "app", {"sha256": OTHER})


def test_objects_have_one_digest_whatever_the_order_of_their_keys() -> None:
    assert links.value_digest({"a": "1", "b": "2"}) == links.value_digest({"b": "2", "a": "1"})


def test_other_kinds_of_statement_are_no_claims() -> None:
    payload = tekton_runs.build(tekton_runs.read(tekton_runs.task_run()), "in-toto").payload

    assert claims.read(guarded.prove(payload.body)) is None


@pytest.mark.parametrize("content", ["", "!", base64.b64encode(b"{").decode(), 7, None])
def test_a_byproduct_that_cannot_be_read_signs_nothing(content: Any) -> None:
    found = of_predicate({"runDetails": {"byproducts": [{"name": "taskRunResults/x", "content": content}]}})

    assert found.results == {}


_LEAF = st.none() | st.integers(0, 9) | st.text(max_size=4)
_JSON = st.recursive(_LEAF, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one, max_size=3))
_MEMBERS = ("buildDefinition", "runDetails", "environment", "materials", "byproducts", "name")


@settings(deadline=None)
@given(members=st.dictionaries(st.sampled_from(_MEMBERS), _JSON), type_=st.sampled_from(claims.PREDICATE_TYPES))
def test_no_predicate_is_too_odd_to_be_read(members: dict[str, Any], type_: str) -> None:
    body = statement.encode(statement.V1, (), type_, json.loads(json.dumps(members)))

    assert claims.read(guarded.prove(body)) is not None
