"""What went into a run: images of steps and sidecars, sources, declared inputs; and the rule that merges equal entries."""

from collections.abc import Iterable
from heapq import heappop, heappush

from sealwright.core.errors import quote
from sealwright.core.model import Finding, Subject
from sealwright.core.tekton import hints
from sealwright.core.tekton.hints import Hints
from sealwright.core.tekton.runs import Container, Run, TaskRun
from sealwright.core.tekton.values import param_value

_PULLABLE = "docker-pullable://"


def images(run: TaskRun) -> tuple[list[Subject], list[Finding]]:
    """The images that steps, then sidecars, ran from.

    An imageID without a digest (a container that never started has an empty one) is left out with a Finding; Chains fails
    the whole attestation there (ADR 3).
    """
    found, findings = [], []
    containers = [("steps", step) for step in run.status.steps] + [("sidecars", car) for car in run.status.sidecars]
    for list_name, container in containers:
        image = _image(container.image_id)
        if image:
            found.append(image)
        else:
            findings.append(_no_image(list_name, container))
    return found, findings


def image_uri(image_id: str) -> str:
    """`oci://` and the imageID, without the prefix that Docker's runtime adds; "" where there is none."""
    return f"oci://{image_id.removeprefix(_PULLABLE)}" if image_id else ""


def _image(image_id: str) -> Subject | None:
    name, _, digest = image_id.partition("@")
    algorithm, _, digits = digest.partition(":")
    if image_id.count("@") != 1 or digest.count(":") != 1:
        return None
    return Subject(name=image_uri(name), digest={algorithm: digits})


def _no_image(list_name: str, container: Container) -> Finding:
    where = f"status.{list_name}[{quote(container.name)}].imageID"
    return Finding(where=where, message=f"not in the materials: wanted IMAGE@ALGORITHM:HEX, found {quote(container.image_id)}")


def git_source(run: Run) -> list[Subject]:
    """The git repository and commit that a run's parameters or results name, or nothing.

    Chains' quirk: a commit without a URL counts for TaskRuns (uri `git+.git`) and not for PipelineRuns.
    """
    url, commit = hints.git(_git_params(run), run.status.results)
    is_named = commit and (url or isinstance(run, TaskRun))
    return [Subject(name=hints.spdx(url), digest={"sha1": commit})] if is_named else []


def _git_params(run: Run) -> list[list[tuple[str, str]]]:
    """Defaults, then given parameters, of the two git names."""
    names = (hints.GIT_URL, hints.GIT_COMMIT)
    defaults = [(spec.name, _text(spec.default)) for spec in run.param_specs if spec.name in names and spec.has_default]
    given = [(param.name, param.text) for param in run.spec.params if param.name in names]
    return [defaults, given]


def _text(raw: bytes) -> str:
    found = param_value(bytes(raw))
    return found if isinstance(found, str) else ""


def declared(read: Hints) -> list[Subject]:
    """The inputs that `*ARTIFACT_INPUTS` results declare."""
    return [Subject(name=entry.uri, digest={entry.algorithm: entry.hex}) for entry in read.inputs]


def step_sources(run: TaskRun) -> list[Subject]:
    """Git source of each step's results, then declared inputs of all steps (slsa/v2alpha4)."""
    found = []
    for step in run.status.steps:
        url, commit = hints.git([], step.results)
        found += [Subject(name=hints.spdx(url), digest={"sha1": commit})] if commit else []
    return found + [entry for read in run.step_hints for entry in declared(read)]


def merge(entries: Iterable[Subject]) -> tuple[Subject, ...]:
    """Append each, or add its digests to the first entry of the same name with which it shares one (Chains' rule).

    A digest that differs is replaced. Entries that are there are not merged among themselves.
    """
    merged = _Merged()
    for entry in entries:
        merged.add(entry)
    return tuple(Subject(name=name, digest=digest) for name, digest in merged.entries)


class _Merged:
    """Entries, and for each (name, algorithm, digits) a heap of the positions that have or had it: no entry is searched for."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, str]]] = []
        self.positions: dict[tuple[str, str, str], list[int]] = {}

    def add(self, entry: Subject) -> None:
        shared = [at for item in entry.digest.items() if (at := self.first(entry.name, item)) is not None]
        at = min(shared, default=len(self.entries))
        if at == len(self.entries):
            self.entries.append((entry.name, {}))
        there = self.entries[at][1]
        for algorithm, digits in entry.digest.items():
            if there.get(algorithm) != digits:
                there[algorithm] = digits
                heappush(self.positions.setdefault((entry.name, algorithm, digits), []), at)

    def first(self, name: str, item: tuple[str, str]) -> int | None:
        """The first entry of this name that has this digest; positions where it was replaced are forgotten."""
        algorithm, digits = item
        found = self.positions.get((name, algorithm, digits), [])
        while found and self.entries[found[0]][1][algorithm] != digits:
            heappop(found)
        return found[0] if found else None
