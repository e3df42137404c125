"""`sealwright layout`: verdicts as exit codes, and which step broke which rule in words."""

import json
from pathlib import Path

import pytest
import yaml
from fakes import commands, guarded, intoto, sealed, tekton_runs
from fakes.guarded import Pipeline
from fakes.intoto import Product
from in_toto.models.metadata import Metadata
from in_toto.verifylib import in_toto_verify

from sealwright.core.layout import sealed as sealed_layouts
from sealwright.core.layout import signatures

STEPS = ("clone", "test", "build", "deploy")


def write(folder: Path, product: Product) -> tuple[Path, Path, Path]:
    """Layout, owner's key and folder of links."""
    layout, key, links = folder / "root.layout", folder / "owner.pub", folder / "links"
    layout.write_text(json.dumps(product.signed_layout()))
    key.write_bytes(intoto.pem(product.owner))
    for name, each in product.files().items():
        path = links / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(each))
    return layout, key, links


def verify(folder: Path, product: Product, *more: object) -> commands.Ended:
    layout, key, links = write(folder, product)
    return commands.run("layout", "verify", "--layout", layout, "--layout-keys", key, "--link-dir", links, *more)


def harmed(words: str, **members: str) -> Product:
    found = Product(**members)
    intoto.HARMS[words](found)
    return found


@pytest.mark.parametrize("wrap", ["envelope", "block"])
def test_a_good_product_exits_0(tmp_path: Path, wrap: str) -> None:
    found = verify(tmp_path, Product(wrap=wrap))

    assert (found.code, found.told) == (0, "")
    assert "root.layout: kept" in found.text


def test_a_layout_inside_a_layout_finds_its_links(tmp_path: Path) -> None:
    assert verify(tmp_path, harmed("a step is a layout of its own")).code == 0


def test_a_broken_rule_exits_1_and_is_named(tmp_path: Path) -> None:
    found = verify(tmp_path, harmed("one more was produced"))

    assert found.code == 1
    assert "RuleBroken: step 'compile': products: DISALLOW *" in found.text
    assert "found 'out/more'" in found.text


def test_json_has_each_breach_in_parts(tmp_path: Path) -> None:
    [told] = json.loads(verify(tmp_path, harmed("one more was produced"), "-o", "json").out)

    assert (told["verdict"], told["breaches"][0]["step"], told["breaches"][0]["found"]) == ("fail", "compile", "'out/more'")


def test_what_gives_pause_is_told_and_refused_if_asked(tmp_path: Path) -> None:
    product = harmed("a command failed")
    lax, strict = verify(tmp_path, product), verify(tmp_path, product, "--strict")

    assert (lax.code, strict.code) == (0, 1)
    assert "caution: step 'compile': its command ended with '1'" in lax.text


def test_parameters_are_given_as_name_and_value(tmp_path: Path) -> None:
    product = harmed("parameters fill a rule")

    assert verify(tmp_path, product, "--param", "dir=src").code == 0
    assert verify(tmp_path, product, "--param", "dir=lib").code == 1
    assert verify(tmp_path, product, "--param", "dir").code == 2


def test_a_layout_without_keys_is_wrong_use(tmp_path: Path) -> None:
    layout, _, links = write(tmp_path, Product())

    found = commands.run("layout", "verify", "--layout", layout, "--link-dir", links)

    assert found.code == 2
    assert "KeyMissing" in found.told


def test_a_folder_that_is_not_there_is_wrong_input(tmp_path: Path) -> None:
    layout, key, _ = write(tmp_path, Product())

    found = commands.run("layout", "verify", "--layout", layout, "--layout-keys", key, "--link-dir", tmp_path / "none")

    assert found.code == 2


def test_an_inspection_is_not_run_and_exits_3(tmp_path: Path) -> None:
    product = Product()
    marker = tmp_path / "ran"
    product.layout["inspect"] = [
        {"_type": "inspection", "name": "i", "run": ["touch", str(marker)], "expected_materials": [], "expected_products": []}
    ]

    found = verify(tmp_path, product)

    assert (found.code, marker.exists()) == (3, False)
    assert "no command is run unless asked for" in found.text


# --- Layouts of Pipelines -----------------------------------------------------------------------------------------------


def pipeline_files(folder: Path, found: Pipeline) -> list[Path]:
    """The layout, then the runs, and an envelope for each of its TaskRuns."""
    found.end()
    layout, runs = folder / "layout.yaml", folder / "runs.yaml"
    layout.write_text(yaml.safe_dump(found.layout))
    runs.write_text(yaml.safe_dump_all([found.run, *found.children.values()]))
    envelopes = []
    for name, child in found.children.items():
        body = tekton_runs.build(tekton_runs.read(child), found.word).payload.body
        path = folder / f"{name}.json"
        path.write_bytes(sealed.envelope(body, guarded.CONTROLLER))
        envelopes.append(path)
    return [layout, runs, *envelopes]


def test_a_pipeline_that_kept_its_layout_exits_0(tmp_path: Path) -> None:
    layout, *paths = pipeline_files(tmp_path, guarded.ended(*STEPS))

    found = commands.run("layout", "verify", "--layout", layout, *paths)

    assert (found.code, found.told) == (0, "")
    assert "pipelinerun team/p: kept" in found.text


def test_a_pipeline_without_an_attestation_exits_3(tmp_path: Path) -> None:
    layout, *paths = pipeline_files(tmp_path, guarded.ended(*STEPS))

    found = commands.run("layout", "verify", "--layout", layout, *paths[:-1])

    assert found.code == 3
    assert "NotSigned: step 'deploy'" in found.text


def test_a_pipeline_without_a_task_exits_1(tmp_path: Path) -> None:
    layout, *paths = pipeline_files(tmp_path, guarded.ended("clone", "build", "deploy"))

    found = commands.run("layout", "verify", "--layout", layout, *paths)

    assert found.code == 1
    assert "StepMissing: step 'test'" in found.text


def test_no_pipeline_run_is_wrong_input(tmp_path: Path) -> None:
    layout, *_ = pipeline_files(tmp_path, guarded.ended())

    assert commands.run("layout", "verify", "--layout", layout).code == 2


def test_a_layout_may_be_signed_by_its_owners(tmp_path: Path) -> None:
    """And then by each of them; a bare one does not do where keys are given."""
    layout, *paths = pipeline_files(tmp_path, guarded.ended(*STEPS))
    commands.run("key", "generate", tmp_path / "owner")
    public = next((tmp_path / "owner").glob("*.pub"))
    signed = tmp_path / "layout.signed.json"
    signed.write_bytes(commands.run("layout", "sign", layout, "--keys", tmp_path / "owner").out)
    other = tmp_path / "other.pub"
    other.write_bytes(guarded.STRANGER.public.pem)

    def code(file: Path, *keys: Path) -> int:
        return commands.run("layout", "verify", "--layout", file, *[f"--layout-keys={key}" for key in keys], *paths).code

    assert [code(signed, public), code(signed), code(signed, other), code(signed, public, other), code(layout, public)] == [
        0,
        2,
        1,
        1,
        2,
    ]


def test_a_changed_layout_is_refused(tmp_path: Path) -> None:
    document = guarded.layout_object()
    body = sealed_layouts.payload(document, "layout").body
    envelope = json.loads(sealed.envelope(body, guarded.CONTROLLER, payload_type=sealed_layouts.MEDIA_TYPE))
    envelope["payload"] = envelope["payload"][:-8] + "AAAA" + envelope["payload"][-4:]
    layout, key = tmp_path / "layout.json", tmp_path / "owner.pub"
    layout.write_text(json.dumps(envelope))
    key.write_bytes(guarded.CONTROLLER.public.pem)

    assert commands.run("layout", "verify", "--layout", layout, "--layout-keys", key).code == 1


def test_a_statement_in_an_envelope_is_no_layout(tmp_path: Path) -> None:
    """The same key signs provenance: that must not pass for a layout."""
    layout, key = tmp_path / "layout.json", tmp_path / "owner.pub"
    layout.write_bytes(sealed.envelope(json.dumps(guarded.layout_object()).encode(), guarded.CONTROLLER))
    key.write_bytes(guarded.CONTROLLER.public.pem)

    assert commands.run("layout", "verify", "--layout", layout, "--layout-keys", key).code == 1


# --- draft and links ----------------------------------------------------------------------------------------------------


def pipeline_text(found: Pipeline) -> str:
    spec = found.run["status"]["pipelineSpec"]
    return yaml.safe_dump({"apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "release"}, "spec": spec})


def drafted(folder: Path, found: Pipeline) -> commands.Ended:
    pipeline, key = folder / "pipeline.yaml", folder / "controller.pub"
    pipeline.write_text(pipeline_text(found))
    key.write_bytes(guarded.CONTROLLER.public.pem)
    return commands.run("layout", "draft", pipeline, "--key", key)


def test_a_draft_is_kept_by_the_pipeline_that_it_was_made_of(tmp_path: Path) -> None:
    """As it comes, without a word changed."""
    found = guarded.ended(*STEPS)
    layout, *paths = pipeline_files(tmp_path, found)
    layout.write_bytes(drafted(tmp_path, found).out)

    ended = commands.run("layout", "verify", "--layout", layout, *paths)

    assert (ended.code, ended.told) == (0, "")


def test_a_draft_says_what_the_pipeline_says(tmp_path: Path) -> None:
    found = guarded.ended()
    found.run["status"]["pipelineSpec"]["tasks"][1]["when"] = [{"input": "a", "operator": "in", "values": ["b"]}]
    steps = {step["name"]: step for step in yaml.safe_load(drafted(tmp_path, found).out)["spec"]["steps"]}

    assert steps["clone"]["products"] == ["REQUIRE results/files", "REQUIRE results/commit"]
    assert steps["test"]["optional"] is True
    assert steps["test"]["params"] == [{"name": "files", "from": "clone.files"}]
    assert steps["build"]["after"] == ["clone"]
    assert steps["deploy"]["after"] == ["test", "build"]
    assert "params" not in steps["deploy"]


@pytest.mark.parametrize("text", ["", "kind: Task", "[]", "kind: Pipeline", "kind: Pipeline\nspec: {tasks: 7}"])
def test_what_is_no_pipeline_has_no_draft(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    (tmp_path / "k.pub").write_bytes(guarded.CONTROLLER.public.pem)

    assert commands.run("layout", "draft", tmp_path / "p.yaml", "--key", tmp_path / "k.pub").code == 2


def test_links_of_runs_are_verified_by_in_toto(tmp_path: Path) -> None:
    """A classic layout over a pipeline: what clone puts out is what build gets, by in-toto's own verifier."""
    found = guarded.ended("clone", "build")
    runs = tmp_path / "runs.yaml"
    runs.write_text(yaml.safe_dump_all(found.children.values()))
    commands.run("key", "generate", tmp_path / "secrets")

    written = commands.run("layout", "links", runs, "--keys", tmp_path / "secrets", "--out", tmp_path / "links")
    again = commands.run("layout", "links", runs, "--keys", tmp_path / "secrets", "--out", tmp_path / "links")

    assert (written.code, again.code) == (0, 3)
    key = signatures.load((tmp_path / "secrets" / "cosign.pub").read_bytes())
    assert {path.name for path in (tmp_path / "links").iterdir()} == {
        f"{name}.{key.key_id[:8]}.link" for name in ("clone", "build")
    }

    product = Product()
    product.layout["keys"] = {key.key_id: signatures.described(key)}
    rules = ["MATCH commit IN params WITH PRODUCTS IN results FROM clone", "ALLOW *"]
    product.layout["steps"] = [
        product.step("clone", products=["REQUIRE results/commit", "ALLOW *"]),
        product.step("build", rules),
    ]
    for step in product.layout["steps"]:
        step["pubkeys"] = [key.key_id]
    layout = Metadata.from_dict(product.signed_layout())
    keys = {each.public_key.keyid: intoto.key_dict(each) for each in product.given}

    assert in_toto_verify(layout, keys, str(tmp_path / "links"), persist_inspection_links=False)
    product.links = {}
    root = write(tmp_path, product)[0]
    key_file = tmp_path / "owner.pub"
    assert (
        commands.run("layout", "verify", "--layout", root, "--layout-keys", key_file, "--link-dir", tmp_path / "links").code == 0
    )


def test_an_unfinished_run_has_no_link(tmp_path: Path) -> None:
    found = guarded.ended("clone")
    found.children["clone"]["status"]["conditions"][0]["status"] = "Unknown"
    (tmp_path / "runs.yaml").write_text(yaml.safe_dump_all(found.children.values()))
    commands.run("key", "generate", tmp_path / "secrets")

    assert commands.run("layout", "links", tmp_path / "runs.yaml", "--keys", tmp_path / "secrets").code == 2
