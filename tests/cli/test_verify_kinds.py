"""`sealwright verify file|image|run|pipeline`: each takes what it says, proves it, and refuses everything else."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from fakes import commands, folders, objects, sealed, signers, sigstore
from fakes.sigstore import ARTIFACT

from sealwright.core import oci
from sealwright.core.envelope import bundle as bundles
from sealwright.core.policy.pipelines import evidence_of

WHO = ("--certificate-identity", sigstore.NAME, "--certificate-oidc-issuer", sigstore.ISSUER)
ROOT = ("--trusted-root", "root.json")
BY_KEY = ("--key", "key.pub")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A file with bundles of each kind, a trusted root, and keys."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.tar").write_bytes(ARTIFACT)
    (tmp_path / "other.tar").write_bytes(b"else")
    (tmp_path / "root.json").write_text(json.dumps(sigstore.trusted_root()))
    (tmp_path / "key.pub").write_bytes(sigstore.KEY.public.pem)
    (tmp_path / "other.pub").write_bytes(signers.key("ecdsa-p256", 999).public.pem)
    for name, wanted in (
        ("certificate", sigstore.V1_SEALED),
        ("tiled", sigstore.V2_FILE),
        ("key", sigstore.KEY_FILE),
        ("sealed", sigstore.KEY_SEALED),
        ("unlogged", sigstore.UNLOGGED),
    ):
        (tmp_path / f"{name}.json").write_bytes(bundles.write(sigstore.bundle(wanted)))
    return tmp_path


def verify_file(bundle, *arguments, artifact="app.tar", **more):
    return commands.run("verify", "file", artifact, "--bundle", bundle, *arguments, **more)


ACCEPTED = {
    "an identity": ("certificate.json", *WHO, *ROOT),
    "an identity, over the file itself": ("tiled.json", *WHO, *ROOT),
    "an identity by patterns": (
        *("certificate.json", *ROOT, "--certificate-identity-regexp", "https://kubernetes[.]io/.*"),
        *("--certificate-oidc-issuer-regexp", "https://issuer[.]test"),
    ),
    "any issuer": ("certificate.json", "--certificate-identity", sigstore.NAME, "--certificate-oidc-issuer", "any", *ROOT),
    "a key": ("key.json", *BY_KEY),
    "a key and a root": ("key.json", *BY_KEY, *ROOT),
    "one of two keys": ("key.json", "--key", "other.pub", *BY_KEY),
    "a key, over a statement": ("sealed.json", *BY_KEY, *ROOT, "--type", "slsaprovenance02", "--builder-id", sealed.BUILDER),
    "a clock, and no log": ("unlogged.json", *WHO, *ROOT, "--min-logs", "0", "--min-clocks", "1"),
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_a_file_is_verified_by(row, place):
    """Exit code 0, and the same as data."""
    found = verify_file(*ACCEPTED[row])
    data = verify_file(*ACCEPTED[row], "-o", "json")

    assert (found.code, found.told) == (0, ""), found.text
    assert "1 verified, 0 not" in found.text
    assert json.loads(data.out)[0]["verdict"] == "pass"


REFUSED = {
    "another file": ("WrongSubject", ("certificate.json", *WHO, *ROOT), {"artifact": "other.tar"}),
    "another file than was signed": ("WrongDigest", ("tiled.json", *WHO, *ROOT), {"artifact": "other.tar"}),
    "another identity": ("WrongIdentity", ("certificate.json", "--certificate-identity", "a@b.test", *WHO[2:], *ROOT), {}),
    "another issuer": ("WrongIdentity", ("certificate.json", *WHO[:2], "--certificate-oidc-issuer", "x", *ROOT), {}),
    "another key": ("BadSignature", ("key.json", "--key", "other.pub"), {}),
    "a key for what a certificate signed": ("BadSignature", ("certificate.json", *BY_KEY, *ROOT), {}),
    "no log": ("NotLogged", ("unlogged.json", *WHO, *ROOT), {}),
    "too few logs": ("NotLogged", ("certificate.json", *WHO, *ROOT, "--min-logs", "2"), {}),
    "too few clocks": ("NoProvenTime", ("certificate.json", *WHO, *ROOT, "--min-clocks", "1"), {}),
    "too few keys": ("BadSignature", ("sealed.json", *BY_KEY, "--key", "other.pub", "--threshold", "2"), {}),
    "another type": ("WrongPredicate", ("sealed.json", *BY_KEY, "--type", "slsaprovenance1"), {}),
    "a bundle that is none": ("InvalidInput", ("app.tar", *BY_KEY), {}),
    "a bundle that breaks a rule": ("BadBundle", ("root.json", *BY_KEY), {}),
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_file_is_refused_for(row, place):
    """Exit code 1, and the reason's word."""
    word, arguments, more = REFUSED[row]
    found = verify_file(*arguments, **more)

    assert found.code == 1, found.text + found.told
    assert word in found.text


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("key.json",), "KeyMissing"),
        (("certificate.json", *WHO[:2], *ROOT), "InvalidInput"),
        (("certificate.json", "--certificate-identity-regexp", "(", *WHO[2:], *ROOT), "InvalidInput"),
        (("certificate.json", *WHO, "--trusted-root", "key.json"), "InvalidInput"),
        (("key.json", *BY_KEY, "--min-logs", "1"), "InvalidInput"),
        (("missing.json", *BY_KEY), "NotFound"),
        (("key.json", "--key", "root.json"), "InvalidInput"),
    ],
)
def test_wrong_usage_is_told_apart(arguments, word, place):
    """Exit code 2: nothing was verified, and nothing was refused (CVE-2026-44310: never 0)."""
    found = verify_file(*arguments)

    assert found.code == 2
    assert word in found.told


def test_each_step_is_said(place):
    """And who, when and where as data."""
    said = verify_file("certificate.json", *WHO, *ROOT, "--steps").text
    [data] = json.loads(verify_file("certificate.json", *WHO, *ROOT, "-o", "json").out)

    assert "1. the envelope is DSSE" in said
    assert f"for whom '{sigstore.ISSUER}' vouched" in said
    assert (data["identity"]["issuer"], data["identity"]["names"]) == (sigstore.ISSUER, [["uri", sigstore.NAME]])
    assert data["times"] == ["2023-11-14T22:13:20+00:00"]
    assert len(data["logs"][0]) == 64


def test_a_file_may_come_on_standard_input(place):
    """As may a bundle."""
    assert verify_file("key.json", *BY_KEY, artifact="-", stdin=ARTIFACT).code == 0
    assert verify_file("key.json", *BY_KEY, artifact="-", stdin=b"else").code == 1


def test_a_bundle_of_a_statement_is_found_among_paths_too(place):
    """Without a file, what it says is the answer; a file's signature alone says nothing."""
    found = commands.run("verify", "sealed.json", *BY_KEY, *ROOT, "--steps")
    bare = commands.run("verify", "key.json", *BY_KEY)

    assert (found.code, bare.code) == (0, 1)
    assert "name the file" in bare.text


# --- runs and pipelines ------------------------------------------------------------------------------------------------------

PARENT = objects.pipeline_run(tasks=("fetch", "push"), results=objects.image())
FETCH = objects.child(PARENT, "fetch", results=objects.image("registry.test/fetched"))
PUSH = objects.child(PARENT, "push", results=objects.image())


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A PipelineRun and its tasks, signed by the controller: name -> annotated object; and layouts."""
    root = tmp_path_factory.mktemp("pipeline")
    folders.keys(root / "keys")
    folders.write(root / "runs", PARENT, FETCH, PUSH)
    storages = "".join(f"artifacts.{kind}.storage: tekton,oci\n" for kind in ("taskrun", "pipelinerun", "oci"))
    (root / "config.yaml").write_text(storages)
    ended = commands.run(
        "controller", "--source", root / "runs", "--once", "--keys", root / "keys", "--config", root / "config.yaml"
    )
    assert ended.code == 0, ended.told
    return root


def signed(pipeline):
    return [json.loads(path.read_text()) for path in sorted((pipeline / "runs").glob("*.signed.json"))]


def verify_objects(kind, found, pipeline, *more):
    stdin = json.dumps({"apiVersion": "v1", "kind": "List", "items": found}).encode()
    return commands.run("verify", kind, "-", "--key", pipeline / "keys" / "cosign.pub", *more, stdin=stdin)


def test_a_pipeline_is_verified_with_every_task_in_it(pipeline):
    """In whichever order they come."""
    for found in (signed(pipeline), signed(pipeline)[::-1]):
        told = verify_objects("pipeline", found, pipeline)

        assert told.code == 0, told.text
        assert "0 not" in told.text


def without(found, name):
    return [each for each in found if each["metadata"]["name"] != name]


def changed(found, name, change):
    found = json.loads(json.dumps(found))
    for each in found:
        if each["metadata"]["name"] == name:
            change(each)
    return found


def forget(run):
    run["metadata"]["annotations"] = {}


def disown(run):
    run["metadata"]["ownerReferences"] = []


def forge(run):
    run["status"]["results"][0]["value"] = f"sha256:{'f' * 64}"


PIPELINES = {
    "a task that is not there": (lambda found: without(found, PUSH["metadata"]["name"]), "ChildMissing"),
    "no PipelineRun": (lambda found: without(found, PARENT["metadata"]["name"]), "NoAttestation"),
    "a task that is not its own": (lambda found: changed(found, PUSH["metadata"]["name"], disown), "ChildForged"),
    "a task without provenance": (lambda found: changed(found, FETCH["metadata"]["name"], forget), "NoAttestation"),
    "a PipelineRun without provenance": (lambda found: changed(found, PARENT["metadata"]["name"], forget), "NoAttestation"),
    "a result that was changed": (lambda found: changed(found, PUSH["metadata"]["name"], forge), "WrongObject"),
    "a task that goes on": (
        lambda found: changed(found, PUSH["metadata"]["name"], lambda run: run["status"].pop("conditions")),
        "NotFinished",
    ),
    "a task that cannot be read": (
        lambda found: changed(found, PUSH["metadata"]["name"], lambda run: run.update(spec=[])),
        "InvalidRun",
    ),
    "a child that is no TaskRun": (
        lambda found: changed(
            found,
            PARENT["metadata"]["name"],
            lambda run: run["status"]["childReferences"].append({"kind": "CustomRun", "name": "x"}),
        ),
        "nothing signs it",
    ),
}


@pytest.mark.parametrize("row", PIPELINES)
def test_a_pipeline_is_refused_with(row, pipeline):
    """What holds for one task holds for the whole."""
    change, word = PIPELINES[row]
    found = verify_objects("pipeline", change(signed(pipeline)), pipeline, "--steps")

    assert found.code == 1, found.text + found.told
    assert word in found.text


def test_runs_are_verified_and_nothing_else_is(pipeline, place):
    """An envelope is no run."""
    assert verify_objects("run", signed(pipeline), pipeline).code == 0
    assert verify_objects("run", changed(signed(pipeline), PUSH["metadata"]["name"], forge), pipeline).code == 1
    assert verify_objects("run", [], pipeline).code == 1
    assert commands.run("verify", "run", "sealed.json", *BY_KEY).code == 2


def test_a_pipeline_without_objects_is_refused():
    """Nothing is never a pass."""
    [found] = evidence_of([])

    assert found.fault


# --- images ------------------------------------------------------------------------------------------------------------------


def image_of(run):
    results = {each["name"]: each["value"] for each in run["status"]["results"]}
    return f"{results['IMAGE_URL']}@{results['IMAGE_DIGEST']}"


def verify_image(pipeline, image, *more, layout=None):
    where = layout or pipeline / "runs" / "oci"
    return commands.run("verify", "image", image, "--layout", where, "--key", pipeline / "keys" / "cosign.pub", *more)


def test_an_image_is_verified_by_its_digest(pipeline):
    """In a folder of layouts, or in one; by signature, and by attestation where a type is asked for."""
    image = image_of(PUSH)
    layout = pipeline / "runs" / "oci" / oci.image(image).name

    assert verify_image(pipeline, image).code == 0
    assert verify_image(pipeline, image, layout=layout).code == 0
    assert verify_image(pipeline, image, "--type", "slsaprovenance02").code == 0
    assert verify_image(pipeline, image, "--type", "https://spdx.dev/Document").code == 1
    assert verify_image(pipeline, image.replace(image[-4:], "0000")).code == 1
    assert verify_image(pipeline, "registry.test/app:latest").code == 2
    assert verify_image(pipeline, image, layout=pipeline / "keys").code == 2


def test_cve_2022_35930_a_signature_is_no_attestation(pipeline, tmp_path):
    """Where an attestation is asked for, an image's bare signature is not enough."""
    image = image_of(PUSH)
    copied = tmp_path / "layout"
    shutil.copytree(pipeline / "runs" / "oci" / oci.image(image).name, copied)
    index = json.loads((copied / "index.json").read_text())
    name = "org.opencontainers.image.ref.name"
    index["manifests"] = [each for each in index["manifests"] if each["annotations"][name].endswith(".sig")]
    (copied / "index.json").write_text(json.dumps(index))

    assert verify_image(pipeline, image, layout=copied).code == 0
    assert verify_image(pipeline, image, "--type", "slsaprovenance02", layout=copied).code == 1


def test_cve_2022_47633_bytes_are_those_of_the_digest(pipeline, tmp_path):
    """A place that answers with other bytes than were named is refused; the image is named by digest, never by tag."""
    image = image_of(PUSH)
    copied = tmp_path / "layout"
    shutil.copytree(pipeline / "runs" / "oci" / oci.image(image).name, copied)
    for blob in (copied / "blobs" / "sha256").iterdir():
        blob.write_bytes(blob.read_bytes() + b" ")

    assert verify_image(pipeline, image, layout=copied).code == 1


def test_one_good_signature_is_enough_for_an_image_and_a_bad_one_is_not(pipeline):
    """Whoever may push can add signatures of his own; they neither help nor harm."""
    other = commands.run(
        "verify",
        "image",
        image_of(PUSH),
        "--layout",
        pipeline / "runs" / "oci",
        "--key",
        folders.keys(pipeline / "other", 5) / "cosign.pub",
    )

    assert other.code == 1


# --- other systems -----------------------------------------------------------------------------------------------------------

_BLOCKED = ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "posix_ipc", "syslog", "uvloop", "readline", "crypt")
_PROGRAM = "import sys; sys.modules.update(dict.fromkeys({blocked!r})); from sealwright.cli import main; main()"


def without_posix(*arguments, cwd, **env):
    """The program where Python has none of the modules that Windows lacks."""
    code = _PROGRAM.format(blocked=_BLOCKED)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        cwd=cwd,
        env=commands.environment(**env),
        timeout=60,
        check=False,
    )


def test_every_kind_is_verified_without_posix(place, pipeline):
    """Windows has none of its modules."""
    for arguments in (
        ("file", "app.tar", "--bundle", "certificate.json", *WHO, *ROOT),
        ("image", image_of(PUSH), "--layout", pipeline / "runs" / "oci", "--key", pipeline / "keys" / "cosign.pub"),
        (pipeline / "runs", "--key", pipeline / "keys" / "cosign.pub"),
    ):
        found = without_posix("verify", *arguments, cwd=place)

        assert (found.returncode, found.stderr) == (0, b"")


def test_names_that_a_console_cannot_show_do_not_change_the_verdict(place):
    """A Windows console in an old code page: what it lacks is written as an escape."""
    (place / "пакет \u202e.tar").write_bytes(ARTIFACT)
    for encoding in ("cp1252", "ascii", "utf-8"):
        arguments = ("verify", "file", "пакет \u202e.tar", "--bundle", "key.json", *BY_KEY)
        found = without_posix(*arguments, cwd=place, PYTHONIOENCODING=encoding)

        assert (found.returncode, found.stderr) == (0, b"")
        assert b"1 verified, 0 not" in found.stdout


def test_line_ends_of_other_systems_are_read(place, pipeline):
    """Keys, roots, bundles and runs with CR LF, and paths with `./` and `..` in them."""
    for name in ("key.pub", "root.json", "key.json"):
        body = (place / name).read_bytes()
        text = body if name.endswith(".pub") else json.dumps(json.loads(body), indent=1).encode()
        (place / name).write_bytes(text.replace(b"\n", b"\r\n"))
    run = json.dumps(signed(pipeline)[0], indent=1).replace("\n", "\r\n").encode()
    (place / "sub").mkdir()

    assert verify_file("./sub/../key.json", "--key", "sub/../key.pub", *ROOT, artifact="./app.tar").code == 0
    assert commands.run("verify", "run", "-", "--key", pipeline / "keys" / "cosign.pub", stdin=run).code == 0


def test_a_file_is_its_bytes(place):
    """No line end in it is translated, no mark at its beginning left out."""
    for body in (b"a\r\nb\x1a", b"\xef\xbb\xbfa\n", b"\0"):
        wanted = replace(sigstore.KEY_FILE, artifact=body)
        (place / "app.tar").write_bytes(body)
        (place / "key.json").write_bytes(bundles.write(sigstore.bundle(wanted)))

        assert verify_file("key.json", *BY_KEY, *ROOT).code == 0
