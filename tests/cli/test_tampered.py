"""Whatever is changed after signing, wherever it stands: `verify` refuses it, and never exits 0."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable

import pytest
from fakes import commands, folders, objects

PARENT = objects.pipeline_run(tasks=("fetch",), results=objects.image())
CHILD = objects.child(PARENT, "fetch", results=objects.image("registry.test/fetched"))
COPY = "runs/build-001.signed.json"
LAYOUT = "runs/oci/registry.test/shop/api"
PREFIX = "chains.tekton.dev/"
OWN = "taskrun-uid-of-build-001"
IMAGE = folders.digest(1).removeprefix("sha256:")[:12]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Signed runs, their layouts, an envelope and its Statement."""
    root = tmp_path_factory.mktemp("signed")
    folders.keys(root / "keys")
    folders.write(root / "runs", folders.built(1), folders.built(4), PARENT, CHILD)
    storages = "".join(f"artifacts.{kind}.storage: tekton,oci\n" for kind in ("taskrun", "pipelinerun", "oci"))
    (root / "config.yaml").write_text(storages)
    keys = ["--keys", root / "keys", "--config", root / "config.yaml"]
    assert commands.run("controller", "--source", root / "runs", "--once", *keys).code == 0
    run = root / "runs" / "build-001.json"
    (root / "envelope.json").write_bytes(commands.run("sign", run, *keys).out)
    (root / "statement.json").write_bytes(commands.run("provenance", run).out)
    return root


@pytest.fixture
def place(original, tmp_path, monkeypatch):
    """A copy to tamper with."""
    shutil.copytree(original, tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    return tmp_path / "there"


def verify(*arguments):
    return commands.run("verify", *arguments, "--key", "keys/cosign.pub")


def refused(*arguments):
    found = verify(*arguments)
    return found.code in (1, 2) and b"Traceback" not in found.err and "InternalError" not in found.told


def test_nothing_is_refused_before_it_is_changed(place):
    """What the tests below rely on."""
    assert verify("runs", COPY, LAYOUT, "envelope.json").code == 0
    assert verify("statement.json", "--envelope", "envelope.json").code == 0


# --- annotated runs -----------------------------------------------------------------------------------------------------

Change = Callable[[dict], None]


def annotation(name, change) -> Change:
    """Change the bytes that an annotation holds in base64."""

    def apply(run):
        found = run["metadata"]["annotations"]
        found[PREFIX + name] = base64.b64encode(change(base64.b64decode(found[PREFIX + name], validate=True))).decode()

    return apply


def text(name, change) -> Change:
    """Change an annotation's text."""

    def apply(run):
        run["metadata"]["annotations"][PREFIX + name] = change(run["metadata"]["annotations"][PREFIX + name])

    return apply


def flip(at) -> Callable[[bytes], bytes]:
    return lambda body: body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if at >= 0 else flip(len(body) + at)(body)


def result(name, value) -> Change:
    def apply(run):
        found = next(each for each in run["status"]["results"] if each["name"] == name)
        found["value"] = value

    return apply


def member(*path, value) -> Change:
    """Put a value at a path in the object."""

    def apply(run):
        for name in path[:-1]:
            run = run[name]
        run[path[-1]] = value

    return apply


def swap(first, second) -> Change:
    def apply(run):
        found = run["metadata"]["annotations"]
        found[PREFIX + first], found[PREFIX + second] = found[PREFIX + second], found[PREFIX + first]

    return apply


def without(*names) -> Change:
    def apply(run):
        for name in names:
            del run["metadata"]["annotations"][PREFIX + name]

    return apply


CHANGES: dict[str, Change] = {
    "the first byte of the payload": annotation(f"payload-{OWN}", flip(0)),
    "a byte of the payload": annotation(f"payload-{OWN}", flip(200)),
    "the last byte of the payload": annotation(f"payload-{OWN}", flip(-1)),
    "the payload's end": annotation(f"payload-{OWN}", lambda body: body + b" "),
    "the payload, emptied": text(f"payload-{OWN}", lambda _: ""),
    "the payload, no base64": text(f"payload-{OWN}", lambda found: found[:-1] + "!"),
    "the payload of an image": annotation(f"payload-{IMAGE}", flip(60)),
    "a byte of the envelope": annotation(f"signature-{OWN}", flip(100)),
    "the envelope, cut": annotation(f"signature-{OWN}", lambda body: body[:-2]),
    "the envelope, emptied": text(f"signature-{OWN}", lambda _: ""),
    "the envelope, no base64": text(f"signature-{OWN}", lambda found: "?" + found[1:]),
    "the signature of an image": annotation(f"signature-{IMAGE}", flip(10)),
    "the signature of an image, cut": annotation(f"signature-{IMAGE}", lambda body: body[:-1]),
    "the run's annotations, gone": without(f"payload-{OWN}", f"signature-{OWN}"),
    "the run's signature, gone": without(f"signature-{OWN}"),
    "the payloads of run and image, swapped": swap(f"payload-{OWN}", f"payload-{IMAGE}"),
    "the signatures of run and image, swapped": swap(f"signature-{OWN}", f"signature-{IMAGE}"),
    "the digest in a result": result("IMAGE_DIGEST", folders.digest(99)),
    "the name in a result": result("IMAGE_URL", "registry.test/shop/other"),
    "the results, gone": member("status", "results", value=[]),
    "the uid": member("metadata", "uid", value="another"),
    "the time of the start": member("status", "startTime", value="2026-01-31T11:00:00Z"),
    "the time of the end": member("status", "completionTime", value="2026-01-31T13:00:00Z"),
    "the kind": member("kind", value="PipelineRun"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_run_is_refused(place, change):
    """As a file and in its folder."""
    run = json.loads((place / COPY).read_bytes())
    change(run)
    (place / COPY).write_text(json.dumps(run))

    assert refused(COPY)
    assert refused("runs")


def test_the_annotations_of_another_run_are_refused(place):
    """Good signatures, but over another run."""
    one, other = (json.loads((place / "runs" / f"build-00{number}.signed.json").read_bytes()) for number in (1, 4))
    one["metadata"]["annotations"] = {
        name.replace("build-004", "build-001"): found for name, found in other["metadata"]["annotations"].items()
    }
    (place / COPY).write_text(json.dumps(one))

    assert refused(COPY)


def test_a_signed_copy_does_not_hide_a_later_run_of_its_name(place):
    """The name is free again once the run is deleted; what runs then has another uid, and no signature."""
    later = json.loads((place / "runs" / "build-001.json").read_bytes())
    later["metadata"]["uid"] = "uid-of-another"
    (place / "runs" / "build-001.json").write_text(json.dumps(later))

    assert verify(COPY).code == 0
    assert verify("runs").code == 1


def test_a_key_that_stands_twice_is_refused(place):
    """Readers could disagree about which of the two counts."""
    body = (place / COPY).read_bytes()
    (place / COPY).write_bytes(body.replace(b'"uid"', b'"uid":"another","uid"', 1))

    assert refused(COPY)
    assert refused("runs")


# --- layouts ------------------------------------------------------------------------------------------------------------


def entry(place, ending):
    """The tag of this kind in the layout, with its manifest's descriptor."""
    index = json.loads((place / LAYOUT / "index.json").read_bytes())
    return next(one for one in index["manifests"] if next(iter(one["annotations"].values())).endswith(ending))


def blob(place, digest):
    return place / LAYOUT / "blobs" / "sha256" / digest.removeprefix("sha256:")


def layer(place, ending):
    return json.loads(blob(place, entry(place, ending)["digest"]).read_bytes())["layers"][0]


@pytest.mark.parametrize("ending", [".att", ".sig"])
@pytest.mark.parametrize("at", [0, 100, -1])
def test_a_changed_layer_is_refused(place, ending, at):
    path = blob(place, layer(place, ending)["digest"])
    path.write_bytes(flip(at)(path.read_bytes()))

    assert refused(LAYOUT)
    assert refused("runs")


@pytest.mark.parametrize("ending", [".att", ".sig"])
@pytest.mark.parametrize("at", [0, 150, -1])
def test_a_changed_manifest_is_refused(place, ending, at):
    path = blob(place, entry(place, ending)["digest"])
    path.write_bytes(flip(at)(path.read_bytes()))

    assert refused(LAYOUT)
    assert refused("runs")


@pytest.mark.parametrize("ending", [".att", ".sig"])
@pytest.mark.parametrize("which", ["layer", "manifest"])
def test_a_missing_blob_is_refused(place, ending, which):
    digest = layer(place, ending)["digest"] if which == "layer" else entry(place, ending)["digest"]
    blob(place, digest).unlink()

    assert refused(LAYOUT)
    assert refused("runs")


def rewritten(place, change):
    """Change index.json, whose descriptors stay as consistent as the change leaves them."""
    path = place / LAYOUT / "index.json"
    index = json.loads(path.read_bytes())
    change(index["manifests"])
    path.write_text(json.dumps(index))


TAG = "org.opencontainers.image.ref.name"


def swap_tags(found):
    """The attestation of one image under the name of another."""
    first, second = [one for one in found if one["annotations"][TAG].endswith(".att")][:2]
    first["annotations"], second["annotations"] = second["annotations"], first["annotations"]


def rename_to_another_image(found):
    found[0]["annotations"][TAG] = f"sha256-{'0' * 64}.att"


def point_elsewhere(found):
    found[0]["digest"] = found[1]["digest"]


def point_nowhere(found):
    found[0]["digest"] = f"sha256:{'0' * 64}"


def leave_the_folder(found):
    found[0]["digest"] = "sha256:../../../../build-001.json"


def say_another_size(found):
    found[0]["size"] += 1


INDEX_CHANGES = [swap_tags, rename_to_another_image, point_elsewhere, point_nowhere, leave_the_folder, say_another_size]


@pytest.mark.parametrize("change", INDEX_CHANGES, ids=lambda change: change.__name__)
def test_a_changed_index_is_refused(place, change):
    rewritten(place, change)

    assert refused(LAYOUT)
    assert refused("runs")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"manifests": 3}', b'{"manifests": [{}]}', b"\xff", b"[" * 99_999])
def test_an_index_that_is_none_is_refused(place, body):
    """Not taken for an empty one."""
    (place / LAYOUT / "index.json").write_bytes(body)

    assert refused(LAYOUT)
    assert refused("runs")


def test_a_layer_with_the_signature_of_another_is_refused(place):
    """Consistent in every digest, as who may push to a registry can make it."""
    at = entry(place, ".sig")
    manifest = json.loads(blob(place, at["digest"]).read_bytes())
    name = "dev.cosignproject.cosign/signature"
    manifest["layers"][0]["annotations"][name] = base64.b64encode(
        flip(9)(base64.b64decode(manifest["layers"][0]["annotations"][name]))
    ).decode()
    body = json.dumps(manifest).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    blob(place, digest).write_bytes(body)
    rewritten(
        place, lambda found: next(one for one in found if one["digest"] == at["digest"]).update(digest=digest, size=len(body))
    )

    assert refused(LAYOUT)


# --- envelopes and Statements -------------------------------------------------------------------------------------------


def test_one_changed_byte_anywhere_in_an_envelope_is_refused(place):
    """Every fifth byte, but for the key id and its name, which are a hint that nobody trusts."""
    body = (place / "envelope.json").read_bytes()
    hint = range(body.index(b'keyid":"'), body.index(b'"', body.index(b'"keyid":"') + 9))
    passed = []
    for at in range(0, len(body.rstrip()), 5):
        (place / "envelope.json").write_bytes(flip(at)(body))
        if at not in hint and not refused("envelope.json"):
            passed.append((at, body[max(0, at - 20) : at + 20]))

    assert passed == []


@pytest.mark.parametrize("at", [0, 1, 50, 300, -3])
def test_a_changed_statement_is_refused(place, at):
    """The envelope is good, but it holds other bytes."""
    body = (place / "statement.json").read_bytes()
    (place / "statement.json").write_bytes(flip(at)(body))

    assert refused("statement.json", "--envelope", "envelope.json")


def test_a_cut_file_is_refused_wherever_it_is_cut(place):
    for name in ("envelope.json", COPY):
        body = (place / name).read_bytes()
        for length in range(0, len(body) - 2, len(body) // 20):
            (place / name).write_bytes(body[:length])
            assert refused(name), (name, length)
