"""May the next task of a guarded pipeline start, and did all of them what the layout says?"""

import copy
from datetime import UTC, datetime

import pytest
from fakes import guarded, tekton_runs
from fakes.guarded import COMMIT, SECOND, STRANGER, Pipeline, before, ended, kinds, step
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Reason
from sealwright.core.layout import judging
from sealwright.core.policy.verdict import State, Verdict

BEFORE_DEPLOY = ("clone", "test", "build")
EVERY = (*BEFORE_DEPLOY, "deploy")


def whole(found: Pipeline) -> Verdict:
    found.end()
    return judging.whole(found.read_layout(), found.chain())


# --- yes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["slsa/v2alpha3", "slsa/v2alpha4", "link"])
@pytest.mark.parametrize(
    ("name", "done"),
    [("clone", ()), ("test", ("clone",)), ("build", ("clone",)), ("build", ("clone", "test")), ("deploy", BEFORE_DEPLOY)],
)
def test_a_task_may_start_when_all_before_it_is_signed(name: str, done: tuple[str, ...], word: str) -> None:
    """The prefix of the chain is enough: what comes later has no statements yet."""

    found = before(ended(*done, word=word), name)

    assert (found.state, found.breaches) == (State.PASS, ())


def test_a_chain_of_which_all_is_signed_is_whole() -> None:
    found = whole(ended(*EVERY))

    assert (found.state, found.breaches) == (State.PASS, ())


def test_the_verdict_says_who_signed_which_step() -> None:
    found = before(ended(*BEFORE_DEPLOY), "deploy")

    assert "step 'build' (TaskRun 'build') was signed by controller" in found.reasons


# --- not yet ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BEFORE_DEPLOY)
def test_a_task_waits_while_something_before_it_is_not_signed(name: str) -> None:
    """Could-not-tell, never no: signing comes after the end of a task, and it takes a moment."""
    found = ended(*BEFORE_DEPLOY)
    found.forget(name)

    verdict = before(found, "deploy")

    assert State.UNKNOWN is verdict.state
    assert Reason.NOT_SIGNED in {breach.reason for breach in verdict.breaches}


def test_a_branch_that_is_not_signed_yet_does_not_hold_another() -> None:
    found = ended("clone", "test")
    found.forget("test")

    assert State.PASS is before(found, "build").state


def test_a_task_waits_for_one_that_the_layout_puts_before_it() -> None:
    """Also where the pipeline itself would start it sooner."""
    found = ended("clone", "build")

    verdict = before(found, "deploy")

    assert kinds(verdict.breaches) == [("deploy", "after", "WrongOrder")]
    assert State.UNKNOWN is verdict.state


def test_a_task_waits_until_the_pipeline_is_known() -> None:
    found = ended()
    del found.run["status"]["pipelineSpec"]

    assert State.UNKNOWN is before(found, "clone").state


def test_two_functionaries_are_waited_for_where_two_are_asked_for() -> None:
    found = ended("clone")
    step(found.layout, "clone").update(functionaries=["controller", "second"], threshold=2)
    one = before(found, "build")
    found.sign("clone", SECOND)

    assert (one.state, before(found, "build").state) == (State.UNKNOWN, State.PASS)


def test_one_functionary_who_signs_twice_is_one() -> None:
    found = ended("clone")
    step(found.layout, "clone").update(functionaries=["controller", "second"], threshold=2)
    found.sign("clone")

    assert State.UNKNOWN is before(found, "build").state


# --- no -----------------------------------------------------------------------------------------------------------------


def changed_result(found: Pipeline) -> None:
    found.children["build"]["status"]["results"][2]["value"] = "v2"


def changed_digest(found: Pipeline) -> None:
    found.children["build"]["status"]["results"][1]["value"] = f"sha256:{'cd' * 32}"


def added_result(found: Pipeline) -> None:
    found.children["build"]["status"]["results"].append(tekton_runs.result("more", "x"))


def removed_result(found: Pipeline) -> None:
    del found.children["build"]["status"]["results"][2]


def another_account(found: Pipeline) -> None:
    step(found.layout, "build")["serviceAccounts"] = ["deployer"]


def another_task(found: Pipeline) -> None:
    step(found.layout, "build")["task"] = {"name": "kaniko"}


def another_definition(found: Pipeline) -> None:
    step(found.layout, "build")["task"] = {"digests": ["sha256:" + "0" * 64]}


def failed(found: Pipeline) -> None:
    found.children["build"]["status"]["conditions"][0] |= {"status": "False", "reason": "Failed"}


def moved(found: Pipeline) -> None:
    """The statement of another run of the same task, as a replay would have it."""
    other = copy.deepcopy(found.children["build"])
    other["status"]["startTime"] = "2026-01-30T12:00:00Z"
    found.forget("build")
    found.sign("build", found=other)


def made_more(found: Pipeline) -> None:
    found.children["build"]["status"]["results"] += [
        tekton_runs.result("x-ARTIFACT_URI", "pkg:generic/x"),
        tekton_runs.result("x-ARTIFACT_DIGEST", tekton_runs.DIGEST),
    ]
    found.forget("build")
    found.sign("build")


def used_another_commit(found: Pipeline) -> None:
    """What went in is not what came out of the step before."""
    found.layout["spec"]["steps"][2]["materials"] = [
        "MATCH revision IN params WITH PRODUCTS IN results FROM clone",
        "DISALLOW params/*",
    ]


def layout_expired(found: Pipeline) -> None:
    found.layout["spec"]["expires"] = "2026-05-31T23:59:59Z"


def another_pipeline(found: Pipeline) -> None:
    found.run["spec"]["pipelineRef"]["name"] = "other"


def not_in_layout(found: Pipeline) -> None:
    found.run["status"]["pipelineSpec"]["tasks"][3]["runAfter"].append("scan")
    found.run["status"]["pipelineSpec"]["tasks"].insert(0, tekton_runs.pipeline_task("scan"))


def skipped(found: Pipeline) -> None:
    del found.children["test"]
    found.run["status"]["skippedTasks"] = [{"name": "test", "reason": "When Expressions evaluated to false"}]


def labelled_otherwise(found: Pipeline) -> None:
    """Whoever may write labels cannot pass one task off for another: its statement has the labels it had at its end."""
    found.word = "slsa/v2alpha3"
    other = copy.deepcopy(found.children["build"])
    other["metadata"]["labels"]["tekton.dev/pipelineTask"] = "lint"
    payload = tekton_runs.build(tekton_runs.read(other), found.word, build_type=tekton_runs.WITH_OBJECTS).payload
    found.forget("build")
    found.statements["uid-build"] = [guarded.prove(payload.body)]


@pytest.mark.parametrize(
    ("harm", "wrong"),
    [
        (changed_result, ("build", "results.tag", "WrongResult")),
        (changed_digest, ("build", "provenance", "WrongObject")),
        (added_result, ("build", "results.more", "WrongResult")),
        (removed_result, ("build", "results.tag", "WrongResult")),
        (another_account, ("build", "serviceAccounts", "WrongAccount")),
        (another_task, ("build", "task.name", "WrongDefinition")),
        (another_definition, ("build", "task.digests", "WrongDefinition")),
        (failed, ("build", "mayFail", "StepFailed")),
        (moved, ("build", "provenance", "WrongObject")),
        (made_more, ("build", "products: DISALLOW *", "RuleBroken")),
        (used_another_commit, ("build", "materials: DISALLOW params/*", "RuleBroken")),
        (layout_expired, ("", "expires", "LayoutExpired")),
        (another_pipeline, ("", "pipeline.name", "WrongDefinition")),
        (not_in_layout, ("scan", "steps", "StepUnknown")),
        (skipped, ("test", "steps", "StepMissing")),
        (labelled_otherwise, ("build", "task", "WrongObject")),
    ],
)
def test_a_task_is_stopped_where_the_chain_before_it_is_wrong(harm, wrong: tuple[str, str, str]) -> None:
    """And the verdict names step and rule."""
    found = ended(*BEFORE_DEPLOY)
    harm(found)

    verdict = before(found, "deploy")

    assert State.FAIL is verdict.state
    assert wrong in kinds(verdict.breaches)


def test_a_forged_branch_stops_the_others_too() -> None:
    found = ended("clone", "build")
    changed_result(found)

    assert State.FAIL is before(found, "test").state


def test_a_breach_says_what_was_expected_and_what_was_found() -> None:
    found = ended(*BEFORE_DEPLOY)
    changed_result(found)

    [breach, *_] = before(found, "deploy").breaches

    assert breach.expected.startswith("the signed value (sha256:")
    assert breach.found.startswith("'v2' (sha256:")
    assert str(breach).startswith("WrongResult: step 'build': results.tag: wanted the signed value")


@pytest.mark.parametrize(
    ("name", "members", "wrong"),
    [
        ("clone", {"serviceAccountName": "other"}, ("clone", "serviceAccounts", "WrongAccount")),
        ("clone", {"serviceAccountName": ""}, ("clone", "serviceAccounts", "WrongAccount")),
        ("clone", {"params": [{"name": "branch", "value": "evil"}]}, ("clone", "params.branch", "WrongParam")),
        ("clone", {"params": []}, ("clone", "params.branch", "WrongParam")),
        ("clone", {"params": [*guarded.PARAMS["clone"], {"name": "x", "value": "y"}]}, ("clone", "params.x", "WrongParam")),
        ("build", {"params": [{"name": "revision", "value": "0" * 40}]}, ("build", "params.revision", "WrongParam")),
        ("test", {"params": [{"name": "files", "value": ["a"]}]}, ("test", "params.files", "WrongParam")),
        ("test", {"params": [{"name": "files", "value": "a b"}]}, ("test", "params.files", "WrongParam")),
        (
            "deploy",
            {"params": [{"name": "image", "value": "registry.test/app:latest"}]},
            ("deploy", "params.image", "WrongParam"),
        ),
        ("deploy", {"taskRef": {"name": "deploy2"}}, ("deploy", "task.name", "WrongDefinition")),
        ("deploy", {"taskRef": None, "taskSpec": {"steps": []}}, ("deploy", "task.name", "WrongDefinition")),
    ],
)
def test_a_held_task_is_stopped_if_it_is_not_what_was_planned(name: str, members, wrong) -> None:
    """Its ServiceAccount, its Task, and parameters that are not made of the signed results."""
    found = ended(*BEFORE_DEPLOY)

    verdict = before(found, name, **members)

    assert State.FAIL is verdict.state
    assert wrong in kinds(verdict.breaches)


def test_a_parameter_and_its_expression_cannot_be_changed_together() -> None:
    """The layout says from which signed result it comes, whatever the pipeline's text says now."""
    found = ended("clone")
    found.run["status"]["pipelineSpec"]["tasks"][2]["params"][0]["value"] = "0" * 40

    verdict = before(found, "build", params=[{"name": "revision", "value": "0" * 40}])

    assert kinds(verdict.breaches) == [("build", "params.revision", "WrongParam")]
    assert COMMIT in verdict.breaches[0].expected


def test_a_value_that_nobody_signed_is_not_passed_on() -> None:
    """slsa/v2alpha4 does not sign the text of an image's url with a tag: a step that uses it does not start."""
    found = ended(word="slsa/v2alpha4")
    found = Pipeline("clone", "test", word="slsa/v2alpha4")
    found.children["build"] = found.task_run("build")
    found.children["build"]["status"]["results"][0]["value"] = "registry.test/app:v1"
    found.run["status"]["childReferences"].append({"kind": "TaskRun", "name": "build", "pipelineTaskName": "build"})
    found.sign("build")
    found.run["status"]["pipelineSpec"]["tasks"][3]["params"][0]["value"] = "$(tasks.build.results.IMAGE_URL)"

    verdict = before(found, "deploy", params=[{"name": "image", "value": "registry.test/app:v1"}])

    assert kinds(verdict.breaches) == [("deploy", "params.image", "WrongParam")]


def test_a_task_that_the_pipeline_does_not_have_is_stopped() -> None:
    found = ended("clone")
    stranger = found.task_run("build")
    stranger["metadata"]["labels"] = {"tekton.dev/pipelineTask": "miner"}
    del stranger["status"]

    verdict = judging.before(found.read_layout(), found.chain(), tekton_runs.read_task(stranger))

    assert kinds(verdict.breaches) == [("miner", "pipeline", "StepUnknown")]


# --- who counts ---------------------------------------------------------------------------------------------------------


def test_the_word_of_a_stranger_counts_for_nothing() -> None:
    """Nor against: whoever can store a statement must not be able to stop a pipeline."""
    found = ended("clone")
    found.forget("clone")
    found.sign("clone", STRANGER)
    alone = before(found, "build")
    found.sign("clone")

    assert (alone.state, alone.breaches[0].reason) == (State.UNKNOWN, Reason.WRONG_FUNCTIONARY)
    assert State.PASS is before(found, "build").state


def test_functionaries_who_disagree_do_not_make_a_threshold() -> None:
    found = ended("clone")
    step(found.layout, "clone").update(functionaries=["controller", "second"], threshold=2)
    other = copy.deepcopy(found.children["clone"])
    other["spec"]["params"][0]["value"] = "other"
    found.sign("clone", SECOND, found=other)

    assert State.UNKNOWN is before(found, "build").state


def test_a_statement_that_names_no_run_binds_nothing() -> None:
    """`in-toto` provenance (SLSA v0.2) has no uid; the message says which formats have."""
    found = ended("clone", word="in-toto")

    verdict = before(found, "build")

    assert State.UNKNOWN is verdict.state
    assert "slsa/v2alpha3" in verdict.breaches[0].found


# --- skipping, failing, finally -----------------------------------------------------------------------------------------


def test_an_optional_step_may_be_skipped() -> None:
    found = ended(*BEFORE_DEPLOY)
    step(found.layout, "test")["optional"] = True
    skipped(found)

    assert State.PASS is before(found, "deploy").state


def test_an_optional_step_that_may_still_run_is_waited_for() -> None:
    found = ended("clone", "build")
    step(found.layout, "test")["optional"] = True

    assert State.UNKNOWN is before(found, "deploy").state


def test_a_step_may_fail_where_the_layout_lets_it() -> None:
    found = ended(*BEFORE_DEPLOY)
    step(found.layout, "build")["mayFail"] = True
    failed(found)

    assert State.PASS is before(found, "deploy").state


@pytest.mark.parametrize(
    ("mode", "allowed", "state"),
    [
        ("verify", ["notify"], State.PASS),
        ("verify", [], State.FAIL),
        ("allow", [], State.PASS),
        ("deny", ["notify"], State.FAIL),
    ],
)
def test_finally_tasks_run_as_far_as_the_layout_lets_them(mode: str, allowed: list[str], state: State) -> None:
    found = ended("clone")
    found.layout["spec"]["finally"] = {"mode": mode, "allow": allowed}

    assert state is before(found, "notify").state


def test_a_notification_runs_although_the_chain_is_broken() -> None:
    """Else its user would not be told."""
    found = ended(*BEFORE_DEPLOY)
    changed_result(found)

    assert State.PASS is before(found, "notify").state


def test_a_finally_task_gets_no_result_that_is_not_the_signed_one() -> None:
    found = ended(*BEFORE_DEPLOY)
    found.run["status"]["pipelineSpec"]["finally"][0]["params"][0]["value"] = "$(tasks.build.results.tag)"
    good = before(found, "notify", params=[{"name": "who", "value": "v1"}])
    changed_result(found)
    bad = before(found, "notify", params=[{"name": "who", "value": "v2"}])

    assert (good.state, bad.state) == (State.PASS, State.FAIL)


# --- the whole ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_a_chain_without_a_step_is_not_whole(name: str) -> None:
    found = ended(*EVERY)
    del found.children[name]

    assert State.FAIL is whole(found).state


@pytest.mark.parametrize("name", EVERY)
def test_a_chain_with_an_unsigned_step_is_not_whole(name: str) -> None:
    found = ended(*EVERY)
    found.forget(name)

    assert State.PASS is not whole(found).state


def test_a_matrix_is_signed_only_when_each_of_its_runs_is() -> None:
    found = ended("clone", "build")
    found.run["status"]["pipelineSpec"]["tasks"][1] |= {
        "params": [],
        "matrix": {"params": [{"name": "os", "value": ["linux", "mac"]}]},
    }
    for number, system in enumerate(("linux", "mac")):
        child = found.task_run("test")
        child["metadata"] |= {"name": f"test-{number}", "uid": f"uid-test-{number}"}
        child["spec"]["params"] = [{"name": "os", "value": system}]
        found.children[f"test-{number}"] = child
        reference = {"kind": "TaskRun", "name": f"test-{number}", "pipelineTaskName": "test"}
        found.run["status"]["childReferences"].append(reference)
        states = [before(found, "deploy").state]
        found.sign(f"test-{number}")

    assert (states[0], before(found, "deploy").state) == (State.UNKNOWN, State.PASS)
    found.children["test-1"]["spec"]["params"][0]["value"] = "plan9"
    assert State.FAIL is before(found, "test", params=[{"name": "os", "value": "plan9"}]).state


def test_a_pipeline_that_has_not_ended_is_not_judged_as_a_whole() -> None:
    found = ended(*EVERY)

    verdict = judging.whole(found.read_layout(), found.chain())

    assert (verdict.state, verdict.breaches[0].reason) == (State.UNKNOWN, Reason.NOT_FINISHED)


# --- properties ---------------------------------------------------------------------------------------------------------

_STATEMENTS = st.lists(
    st.tuples(st.sampled_from(BEFORE_DEPLOY), st.sampled_from(["good", "stranger", "second", "other run", "other params"])),
    max_size=6,
)


def _sign_as(found: Pipeline, name: str, how: str) -> None:
    other = copy.deepcopy(found.children[name])
    if how == "other run":
        other["metadata"]["uid"] = "uid-of-another"
    if how == "other params":
        other["spec"]["params"] = [{"name": "x", "value": "y"}]
    found.sign(name, {"stranger": STRANGER, "second": SECOND}.get(how, guarded.CONTROLLER), other)


@settings(max_examples=60, deadline=None)
@given(signed=_STATEMENTS, threshold=st.integers(1, 2), data=st.data())
def test_taking_a_statement_away_never_turns_no_into_yes(signed, threshold: int, data) -> None:
    """And adding one never turns a yes into anything else."""
    found = ended(*BEFORE_DEPLOY)
    for name in BEFORE_DEPLOY:
        found.forget(name)
        step(found.layout, name).update(functionaries=["controller", "second"], threshold=threshold)
    for name, how in signed:
        _sign_as(found, name, how)
    full = before(found, "deploy").state
    filled = [uid for uid, kept in found.statements.items() if kept]
    if filled:
        kept = found.statements[data.draw(st.sampled_from(filled))]
        kept.pop(data.draw(st.integers(0, len(kept) - 1)))
    less = before(found, "deploy").state

    assert less is not State.PASS or full is State.PASS


def test_time_is_the_callers() -> None:
    found = ended()

    late = judging.before(found.read_layout(), found.chain(datetime(2027, 1, 1, tzinfo=UTC)), found.held("clone"))

    assert kinds(late.breaches) == [("", "expires", "LayoutExpired")]
