"""A guarded pipeline on its way: clone, then test and build, then deploy with what build made; each step signed for real.

`Pipeline` makes the objects and statements; a test changes them before it asks. Ended are the steps in `ended`.
"""

import copy
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fakes import objects, sealed, signers, tekton_runs
from fakes.tekton_runs import Json

from sealwright.core.keys import PrivateKey
from sealwright.core.layout import judging, pipeline
from sealwright.core.layout.acceptance import Chain
from sealwright.core.layout.pipeline import Layout
from sealwright.core.model import Verified
from sealwright.core.policy.verdict import Verdict
from sealwright.core.proof import attestation as proof
from sealwright.core.proof.attestation import TrustedKey
from sealwright.core.tekton.runs import TaskRun

CONTROLLER, SECOND, STRANGER = (signers.key("ed25519", number) for number in (11, 12, 13))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
COMMIT = "5c3146e80a9c222670bbe4f4c54977656cf2d133"
TASK_DIGEST = "sha1:" + COMMIT

RESULTS: Mapping[str, Mapping[str, Any]] = {
    "clone": {"commit": COMMIT, "files": ["a", "b"]},
    "test": {"verdict": "passed"},
    "build": {"IMAGE_URL": "registry.test/app", "IMAGE_DIGEST": objects.DIGEST, "tag": "v1"},
    "deploy": {},
    "notify": {},
}
TASKS: list[Json] = [
    tekton_runs.pipeline_task("clone", params=[{"name": "branch", "value": "$(params.branch)"}]),
    tekton_runs.pipeline_task("test", runAfter=["clone"], params=[{"name": "files", "value": "$(tasks.clone.results.files[*])"}]),
    tekton_runs.pipeline_task("build", params=[{"name": "revision", "value": "$(tasks.clone.results.commit)"}]),
    tekton_runs.pipeline_task(
        "deploy",
        runAfter=["test"],
        params=[{"name": "image", "value": "registry.test/app@$(tasks.build.results.IMAGE_DIGEST)"}],
    ),
]
FINALLY: list[Json] = [tekton_runs.pipeline_task("notify", params=[{"name": "who", "value": "team"}])]
PARAMS: Mapping[str, list[Json]] = {
    "clone": [{"name": "branch", "value": "main"}],
    "test": [{"name": "files", "value": ["a", "b"]}],
    "build": [{"name": "revision", "value": COMMIT}],
    "deploy": [{"name": "image", "value": f"registry.test/app@{objects.DIGEST}"}],
    "notify": [{"name": "who", "value": "team"}],
}


def pem(key: PrivateKey) -> str:
    return key.public.pem.decode()


def layout_object(**spec: Any) -> Json:
    """The layout of this pipeline; the keywords are members of its spec."""
    steps = [
        {"name": "clone", "functionaries": ["controller"], "serviceAccounts": ["builder"]},
        {"name": "test", "functionaries": ["controller"], "after": ["clone"]},
        {
            "name": "build",
            "functionaries": ["controller"],
            "params": [{"name": "revision", "from": "clone.commit"}],
            "materials": ["MATCH commit IN params WITH PRODUCTS IN results FROM clone", "ALLOW *"],
            "products": ["CREATE registry.test/*", "ALLOW results/*", "DISALLOW *"],
        },
        {"name": "deploy", "functionaries": ["controller"], "after": ["test", "build"], "task": {"name": "deploy"}},
    ]
    known = {"controller": {"key": pem(CONTROLLER)}, "second": {"key": pem(SECOND)}}
    found = {"expires": "2026-12-31T00:00:00Z", "functionaries": known, "steps": steps, "pipeline": {"name": "release"}}
    allowed = {"finally": {"allow": ["notify"]}}
    return {
        "apiVersion": "sealwright.dev/v1alpha1",
        "kind": "Layout",
        "metadata": {"name": "release"},
        "spec": copy.deepcopy(found | allowed | spec),
    }


def step(found: Json, name: str) -> Json:
    """A step of a layout object, to be changed."""
    one: Json = next(each for each in found["spec"]["steps"] if each["name"] == name)
    return one


def prove(body: bytes, key: PrivateKey = CONTROLLER) -> Verified:
    """A Statement, signed and proven."""
    trusted = [TrustedKey(key=each.public) for each in (CONTROLLER, SECOND, STRANGER)]
    return proof.prove(sealed.envelope(body, key), trusted)


class Pipeline:
    """One PipelineRun with TaskRuns that have ended. Change `run`, `children` or `layout` as they are: plain JSON."""

    def __init__(self, *ended: str, word: str = "slsa/v2alpha3") -> None:
        self.word = word
        self.layout = layout_object()
        self.run = tekton_runs.pipeline_run(
            tasks=copy.deepcopy(TASKS),
            children=list(ended),
            results=[],
            conditions=[{"type": "Succeeded", "status": "Unknown", "reason": "Running"}],
        )
        self.run["status"]["pipelineSpec"]["finally"] = copy.deepcopy(FINALLY)
        self.run["spec"]["params"] = [{"name": "branch", "value": "main"}]
        self.children = {name: self.task_run(name) for name in ended}
        self.statements: dict[str, list[Verified]] = {}
        self.definitions: dict[str, list[str]] = {}
        for name in ended:
            self.sign(name)

    def task_run(self, name: str) -> Json:
        """The TaskRun of a task, as it is when it has ended."""
        results = [tekton_runs.result(result, found) for result, found in RESULTS[name].items()]
        found = tekton_runs.child(name, results=results)
        found["spec"]["params"] = copy.deepcopy(PARAMS[name])
        found["spec"]["taskRef"]["name"] = name
        return found

    def held(self, name: str, **members: Any) -> TaskRun:
        """The TaskRun of a task, waiting to start; keywords are members of its spec."""
        found = self.task_run(name)
        found["spec"] |= {"status": "TaskRunPending"} | members
        del found["status"]
        return tekton_runs.read_task(found)

    def sign(self, name: str, key: PrivateKey = CONTROLLER, found: Json | None = None) -> Verified:
        """Sign what the TaskRun says now (or another object in its stead), and keep the statement as its own."""
        child = found or self.children[name]
        payload = tekton_runs.build(tekton_runs.read(child), self.word).payload
        verified = prove(payload.body, key)
        self.statements.setdefault(f"uid-{name}", []).append(verified)
        return verified

    def end(self) -> None:
        self.run["status"]["conditions"] = [{"type": "Succeeded", "status": "True", "reason": "Succeeded"}]

    def forget(self, name: str) -> None:
        self.statements.pop(f"uid-{name}", None)

    def chain(self, now: datetime = NOW) -> Chain:
        return Chain(
            run=tekton_runs.read_pipeline(self.run, *self.children.values()),
            statements={uid: tuple(found) for uid, found in self.statements.items()},
            now=now,
            definitions={name: tuple(found) for name, found in self.definitions.items()},
        )

    def read_layout(self) -> Layout:
        return pipeline.read(self.layout, "layout")


def ended(*names: str, word: str = "slsa/v2alpha3") -> Pipeline:
    return Pipeline(*names, word=word)


def before(found: Pipeline, name: str, **members: Any) -> Verdict:
    """Whether this task may start now."""
    return judging.before(found.read_layout(), found.chain(), found.held(name, **members))


def kinds(breaches: Sequence[Any]) -> list[tuple[str, str, str]]:
    """What is wrong, in short: step, rule and reason of each breach."""
    return [(found.step, found.rule, str(found.reason)) for found in breaches]
