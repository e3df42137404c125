"""OCI layouts on disk, and the tags which SQLite keeps for them."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import oci
from sealwright.core.errors import Permanent, Reason, Untrusted
from sealwright.core.oci import Descriptor, Layer
from sealwright.edge import layout, tags
from sealwright.edge.layout import Layout
from sealwright.edge.output import Output

NAME = "gcr.io/team/app"
TAG = oci.attestation_tag("sha256:" + "ab" * 32)
OTHER_TAG = oci.signature_tag("sha256:" + "cd" * 32)


def layer(body, signature=""):
    return Layer(media_type="m", body=body, annotations={"dev.cosignproject.cosign/signature": signature, "z": "1"})


@pytest.fixture
def output(tmp_path):
    with Output(tmp_path) as opened:
        yield opened


def on_disk(output):
    return Layout(output.root / "oci" / "gcr.io" / "team" / "app")


def test_layout_has_the_files_of_the_specification(output):
    """`oci-layout`, `index.json`, and blobs by digest, where other programs look for them."""
    output.tags.append(NAME, TAG, layer(b"one"))
    output.flush()
    root = on_disk(output).root
    index = json.loads((root / "index.json").read_bytes())
    (entry,) = index["manifests"]

    assert json.loads((root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert (index["schemaVersion"], index["mediaType"]) == (2, "application/vnd.oci.image.index.v1+json")
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": TAG}
    assert entry["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    manifest = json.loads((root / "blobs" / "sha256" / entry["digest"][7:]).read_bytes())
    assert len((root / "blobs" / "sha256" / manifest["config"]["digest"][7:]).read_bytes()) == manifest["config"]["size"]
    assert len(list((root / "blobs" / "sha256").iterdir())) == 3


def test_layers_are_appended_in_order_and_read_back(output):
    """From the files alone, and through SQLite."""
    layers = [layer(b"one"), layer(b"two"), layer(b"three")]
    for each in layers:
        output.tags.append(NAME, TAG, each)
        output.flush()

    assert on_disk(output).layers(TAG) == layers
    assert output.tags.layers(NAME, TAG) == layers
    assert on_disk(output).layers("other") == []


def test_reading_what_is_not_there_leaves_no_trace(output):
    """A question makes no repository."""
    assert output.tags.layers(NAME, TAG) == []
    assert output.tags.lost() == []
    assert output.tags.flush() == 0


def test_same_layer_is_kept_once_but_a_new_signature_of_the_same_payload_is_kept(output):
    """Chains loses the signature of a rotated key, since it compares payloads only."""
    for each in [layer(b"one", "old"), layer(b"one", "old"), layer(b"one", "new"), layer(b"one", "old")]:
        output.tags.append(NAME, TAG, each)
    output.flush()

    assert on_disk(output).layers(TAG) == [layer(b"one", "old"), layer(b"one", "new")]


def test_index_is_not_written_for_each_layer(output):
    """It follows at the end of a batch, and only where something changed."""
    output.tags.append(NAME, TAG, layer(b"one"))
    before = (on_disk(output).root / "index.json").exists()

    assert not before
    assert output.tags.flush() == 1
    assert output.tags.flush() == 0


def test_index_is_the_same_in_however_many_steps_it_was_written(tmp_path):
    """So an interrupted run ends with the bytes of one that was not."""
    found = []
    for flushes in (True, False):
        with Output(tmp_path / str(flushes)) as output:
            for tag in (TAG, OTHER_TAG, TAG + "x"):
                output.tags.append(NAME, tag, layer(b"one"))
                if flushes:
                    output.flush()
            output.flush()
            found.append((on_disk(output).root / "index.json").read_bytes())

    assert found[0] == found[1]


def test_stale_index_is_written_at_the_next_start(tmp_path):
    """As after a kill between the last layer and the end of the batch."""
    killed = Output(tmp_path)
    killed.tags.append(NAME, TAG, layer(b"one"))
    killed.database.close()
    killed.files.close()

    with Output(tmp_path) as output:
        assert on_disk(output).layers(TAG) == [layer(b"one")]


def test_lost_database_loses_no_layer(tmp_path):
    """A layout is taken over from its files, whoever wrote it."""
    with Output(tmp_path) as output:
        output.tags.append(NAME, TAG, layer(b"one"))
    for path in tmp_path.glob("sealwright.db*"):
        path.unlink()

    with Output(tmp_path) as output:
        output.tags.append(NAME, TAG, layer(b"two"))
        output.flush()
        assert on_disk(output).layers(TAG) == [layer(b"one"), layer(b"two")]


def test_newer_index_is_never_replaced_by_an_older_one(tmp_path, output, monkeypatch):
    """As when another process adds to a tag, and flushes, while this one writes the manifest of that tag."""
    with Output(tmp_path) as other:

        def write(*arguments, real=output.tags._write_manifest):
            manifest = real(*arguments)
            monkeypatch.undo()
            other.tags.append(NAME, TAG, layer(b"two"))
            other.flush()
            return manifest

        monkeypatch.setattr(output.tags, "_write_manifest", write)
        output.tags.append(NAME, TAG, layer(b"one"))
        output.flush()

    assert on_disk(output).layers(TAG) == [layer(b"one"), layer(b"two")]


def test_tags_of_others_stay(output):
    """A user may copy the image itself into the layout."""
    output.tags.append(NAME, TAG, layer(b"one"))
    output.flush()
    index = on_disk(output).root / "index.json"
    loaded = json.loads(index.read_bytes())
    foreign = {
        "mediaType": "x",
        "digest": "sha256:" + "0" * 64,
        "size": 1,
        "urls": ["u"],
        "annotations": {"org.opencontainers.image.ref.name": "latest"},
    }
    loaded["manifests"].append(foreign)
    index.write_text(json.dumps(loaded))
    output.tags.append(NAME, TAG, layer(b"two"))
    output.flush()

    assert foreign in json.loads(index.read_bytes())["manifests"]
    assert len(on_disk(output).layers(TAG)) == 2
    assert set(on_disk(output).tags()) == {"latest", TAG}


def test_index_that_nobody_can_read_is_made_anew(output):
    """SQLite holds the truth of our tags: all come back with the next change."""
    output.tags.append(NAME, TAG, layer(b"one"))
    output.tags.append(NAME, OTHER_TAG, layer(b"other"))
    output.flush()
    (on_disk(output).root / "index.json").write_bytes(b"{half")
    with pytest.raises(Permanent):
        on_disk(output).tags()
    output.tags.append(NAME, TAG, layer(b"two"))
    output.flush()

    assert len(on_disk(output).layers(TAG)) == 2
    assert on_disk(output).layers(OTHER_TAG) == [layer(b"other")]


def test_many_layers_are_flushed_on_the_way(output, monkeypatch):
    """So memory, and what a kill leaves to do, have a bound."""
    monkeypatch.setattr(tags, "PORTION", 3)
    for number in range(5):
        output.tags.append(NAME, TAG, layer(b"%d" % number))
    before = on_disk(output).layers(TAG)
    output.flush()

    assert before == [layer(b"0"), layer(b"1"), layer(b"2")]
    assert len(on_disk(output).layers(TAG)) == 5


def test_two_writers_see_what_the_other_added(tmp_path, output):
    """Each flushes for both, in the order in which layers came; nothing is lost and nothing doubled."""
    with Output(tmp_path) as other:
        for number in range(4):
            (output, other)[number % 2].tags.append(NAME, TAG, layer(b"%d" % number))
        other.flush()
        assert on_disk(output).layers(TAG) == [layer(b"%d" % number) for number in range(4)]
        output.tags.append(NAME, TAG, layer(b"0"))
        output.tags.append(NAME, TAG, layer(b"4"))
        other.flush()
        assert output.tags.flush() == 0

    assert on_disk(output).layers(TAG) == [layer(b"%d" % number) for number in range(5)]


def blob_of(output, body):
    return on_disk(output).root / "blobs" / "sha256" / oci.digest_of(body)[7:]


def test_each_changed_byte_of_a_blob_is_seen(output):
    """Whether its size changed or not."""
    output.tags.append(NAME, TAG, layer(b"one"))
    output.flush()
    for changed in [b"One", b"oNe", b"onE", b"on", b"one1", b""]:
        blob_of(output, b"one").write_bytes(changed)
        with pytest.raises(Untrusted) as caught:
            on_disk(output).layers(TAG)
        assert caught.value.reason == Reason.WRONG_DIGEST


def test_missing_blob_is_named(output):
    """A layout that lost a file says which."""
    output.tags.append(NAME, TAG, layer(b"one"))
    blob_of(output, b"one").unlink()
    with pytest.raises(Permanent, match=oci.digest_of(b"one")) as caught:
        output.tags.layers(NAME, TAG)

    assert caught.value.reason == Reason.NOT_FOUND


def test_damaged_blob_is_replaced_when_it_is_put_again(output):
    """Putting is also mending."""
    output.tags.append(NAME, TAG, layer(b"one"))
    blob_of(output, b"one").write_bytes(b"damaged")
    output.tags.append(NAME, TAG, layer(b"one"))

    assert output.tags.layers(NAME, TAG) == [layer(b"one")]


@pytest.mark.parametrize("digest", ["sha256:../../../x", "sha512:00", "", "sha256:" + "A" * 64, "sha256:" + "a" * 63])
def test_descriptor_of_a_strange_digest_is_refused(output, digest):
    """No path is made of it."""
    with pytest.raises(Permanent) as caught:
        on_disk(output).blob(Descriptor(media_type="m", size=1, digest=digest))

    assert caught.value.reason == Reason.INVALID_INPUT


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"manifests":[1]}', b'{"manifests":[{}]}', b'{"manifests":' + b"[" * 9999])
def test_hostile_index_is_refused_with_a_reason(tmp_path, body):
    """And never raises anything else."""
    (tmp_path / "index.json").write_bytes(body)
    with pytest.raises(Permanent) as caught:
        Layout(tmp_path).tags()

    assert caught.value.reason == Reason.INVALID_INPUT


def test_repository_cannot_lie_among_the_blobs_of_another(output):
    """`app/blobs/sha256/<digest>` is a name that a build can write in a result."""
    inside = f"{NAME}/blobs/sha256/{oci.digest_of(b'one')[7:]}"
    output.tags.append(inside, TAG, layer(b"two"))
    output.tags.append(NAME, TAG, layer(b"one"))
    output.flush()

    assert on_disk(output).layers(TAG) == [layer(b"one")]
    assert [found.root for found in layout.layouts(output.root)] == [
        on_disk(output).root,
        on_disk(output).root / "%62lobs" / "sha256" / oci.digest_of(b"one")[7:],
    ]


hosts = st.sampled_from(["gcr.io", "[::1]:5000", "..a", "https:", "a:1", ".", "é.io", "x." + "y" * 400]) | st.text(
    "ab.:-_<>\"'*é", min_size=1, max_size=8
)
repositories = st.text("ab./-_", min_size=2, max_size=40) | st.sampled_from(
    ["../../../etc", "a/../../..", "//", "a" * 255, "./" * 127]
)


@given(st.lists(st.tuples(hosts, repositories), min_size=2, max_size=2))
def test_no_reference_leads_out_of_the_folder_or_into_another(pairs):
    """Whatever a build names, its layout lies below `oci/`, in a folder of its own."""
    found = set()
    for host, repository in pairs:
        try:
            found.add(oci.image(f"{host}/{repository}@sha256:{'0' * 64}").name)
        except Permanent:
            continue
    folders = {layout.folder(name) for name in found}

    assert len(folders) == len(found)
    for folder in folders:
        assert os.path.normpath(folder) == folder
        assert not folder.startswith(("/", ".."))
        assert all(len(part) <= 200 for part in folder.split("/"))
