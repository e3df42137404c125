"""The folder that Sealwright writes: what was lost is made anew, and a kill at any point is made good at the next start."""

import os
import shutil

import pytest

from sealwright.core import oci
from sealwright.core.model import Artifact, Attestation, Key, Payload, Signature, Subject
from sealwright.core.oci import Layer
from sealwright.edge.index import Entry
from sealwright.edge.layout import Layout, layouts
from sealwright.edge.output import Output

APP, WEB = (oci.image(f"gcr.io/team/{name}@sha256:{digits * 32}") for name, digits in (("app", "ab"), ("web", "cd")))


def statement(number, *images):
    return Attestation(
        artifact=Artifact(sort="taskrun", key=f"taskrun-{number}", name="ns/run"),
        format="slsa/v1",
        payload=Payload(
            media_type="m",
            body=b"{}",
            subjects=tuple(Subject(name=each.name, digest={"sha256": each.digest[7:]}) for each in images),
        ),
        signature=Signature(key_id="", raw=b"s"),
        envelope=b"envelope %d" % number,
    )


def image_signature(number, image):
    return Attestation(
        artifact=Artifact(sort="oci", key=image.digest[7:19], name=image.name, digest=image.digest),
        format="simplesigning",
        payload=Payload(media_type="m", body=b"payload %d" % number),
        signature=Signature(key_id="", raw=b"s"),
    )


def sign(output, number, *attestations, store="oci"):
    """What becomes of one run."""
    for attestation in attestations:
        if store == "oci":
            output.tags.keep(attestation)
    key = Key(kind="TaskRun", namespace="ns", name=f"run-{number}")
    found = [Entry(key=key, uid=str(number), attestation=each, places=(f"{store}: there",)) for each in attestations]
    output.index.finish(key, str(number), "plan", found)


def sign_some(output):
    sign(output, 1, statement(1, APP, WEB), image_signature(1, APP), image_signature(1, WEB))
    sign(output, 2, statement(2, APP), image_signature(1, APP))
    sign(output, 3, statement(3, WEB), store="tekton")


def files(root):
    return {path.relative_to(root): path.read_bytes() for path in (root / "oci").rglob("*") if path.is_file()}


def kept(root):
    """Everything that the layouts hold, each blob compared with its digest: layout, tag and body."""
    return sorted(
        (each.root.name, tag, layer.body) for each in layouts(root / "oci") for tag in each.tags() for layer in each.layers(tag)
    )


@pytest.mark.parametrize("deleted", ["oci", "oci/gcr.io/team/web", "oci/gcr.io/team/app/index.json"])
def test_deleted_layouts_are_made_anew(tmp_path, deleted):
    """To the same bytes, from what the index holds."""
    with Output(tmp_path) as output:
        sign_some(output)
    before = files(tmp_path)
    there = tmp_path / deleted
    (there.unlink if there.is_file() else lambda: shutil.rmtree(there))()
    with Output(tmp_path):
        assert files(tmp_path) == before
    with Output(tmp_path) as output:
        assert output.tags.lost() == []


def test_layers_that_nobody_can_make_anew_are_forgotten(tmp_path):
    """Of a run that never finished: no tag names a blob that is not there, and the run is stored again as ever."""
    unfinished = Layer(media_type="m", body=b"unfinished")
    with Output(tmp_path) as output:
        sign_some(output)
        output.flush()
        expected = kept(tmp_path)
        output.tags.append(APP.name, oci.signature_tag(APP.digest), unfinished)
        output.tags.append("gcr.io/only", oci.signature_tag(APP.digest), unfinished)
    shutil.rmtree(tmp_path / "oci")
    with Output(tmp_path) as output:
        after = kept(tmp_path)
        output.tags.append(APP.name, oci.signature_tag(APP.digest), unfinished)
        output.flush()

        assert after == expected
        assert kept(tmp_path) == sorted([*expected, ("app", oci.signature_tag(APP.digest), b"unfinished")])
        assert Layout(tmp_path / "oci" / "gcr.io" / "only").layers(oci.signature_tag(APP.digest)) == []


class Killed(BaseException):
    """Nothing in the program catches it."""


def killed_at(monkeypatch, root, write, story):
    """Tell the story until the write of this number, from 0, and die there; False if it ended before."""
    with monkeypatch.context() as patched:
        numbers = iter(range(write))

        def replace(*paths, real=os.replace):
            if next(numbers, None) is None:
                raise Killed
            real(*paths)

        patched.setattr(os, "replace", replace)
        output = None
        try:
            output = Output(root)
            output.__enter__()
            story(output)
            output.flush()
        except Killed:
            return True
        finally:
            if output:
                output.database.close()
                output.files.close()
        return False


@pytest.mark.parametrize("is_lost", [False, True], ids=["signing", "after a loss"])
def test_kill_at_any_write_is_made_good_at_the_next_start(tmp_path, monkeypatch, is_lost):
    """Nothing is lost, doubled or half there; what the killed run did not finish is done again, as the flow does."""
    with Output(tmp_path / "whole") as output:
        sign_some(output)
    expected, write = kept(tmp_path / "whole"), 0
    while True:
        root = tmp_path / str(write)
        if is_lost:
            with Output(root) as output:
                sign_some(output)
            shutil.rmtree(root / "oci")
        if not killed_at(monkeypatch, root, write, sign_some):
            break
        with Output(root) as output:
            halfway = kept(root)
            sign_some(output)
            output.flush()
            assert len(halfway) == len(set(halfway))
            assert kept(root) == expected
            assert not is_lost or halfway == expected
        write += 1

    assert write > 10
