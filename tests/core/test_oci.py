"""Image references, tags and manifests."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import oci
from sealwright.core.errors import Permanent, Reason
from sealwright.core.oci import Descriptor, Layer

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"

# Written from chains.md 2.3; each was also given to go-containerregistry 0.21.
ACCEPTED = {
    "a lone name is below library/ of Docker Hub": ("ubuntu", "index.docker.io", "library/ubuntu"),
    "docker.io is index.docker.io": ("docker.io/u/v", "index.docker.io", "u/v"),
    "docker.io with a lone name gets library/ too": ("docker.io/ubuntu", "index.docker.io", "library/ubuntu"),
    "index.docker.io stays": ("index.docker.io/u/v", "index.docker.io", "u/v"),
    "a first part without dot or colon is no registry": ("team/app", "index.docker.io", "team/app"),
    "localhost is a registry": ("localhost/app", "localhost", "app"),
    "a port is kept": ("localhost:5000/a/b", "localhost:5000", "a/b"),
    "a tag is dropped": ("gcr.io/team/app:v1", "gcr.io", "team/app"),
    "a tag of 128 characters is dropped": ("gcr.io/team/app:" + "t" * 128, "gcr.io", "team/app"),
    "a port and a tag are told apart": ("r.io:443/a/b:v1", "r.io:443", "a/b"),
    "the registry keeps its capitals": ("GCR.IO/team/app", "GCR.IO", "team/app"),
    "IPv6 in brackets is a registry": ("[::1]:5000/a/b", "[::1]:5000", "a/b"),
    "IPv4 inside IPv6 is a registry": ("[::ffff:1.2.3.4]/a/b", "[::ffff:1.2.3.4]", "a/b"),
    "a registry outside ASCII": ("münchen.example/a/b", "münchen.example", "a/b"),
    "an empty port": ("r.io:/a/b", "r.io:", "a/b"),
    "several colons, digits after the last": ("a:b:1/a/b", "a:b:1", "a/b"),
    "a URL is an image of a registry called https:": ("https://gcr.io/x/y", "https:", "/gcr.io/x/y"),
    "a git URL too": ("git+https://g/x.git", "git+https:", "/g/x.git"),
    "nothing looks at dots in a repository": ("gcr.io/../../etc", "gcr.io", "../../etc"),
    "a repository of slashes": ("//", "index.docker.io", "//"),
    "255 characters of repository": ("gcr.io/" + "a" * 255, "gcr.io", "a" * 255),
}
REFUSED = {
    "no digest": "gcr.io/team/app",
    "no name": f"@{DIGEST}",
    "two at signs": f"gcr.io/a@b@{DIGEST}",
    "userinfo": f"user:pw@gcr.io/team/app@{DIGEST}",
    "a short digest": f"gcr.io/team/app@{DIGEST[:-1]}",
    "a long digest": f"gcr.io/team/app@{DIGEST}0",
    "a digest in capitals": f"gcr.io/team/app@sha256:{HEX.upper()}",
    "a digest with a line end": f"gcr.io/team/app@{DIGEST}\n",
    "another algorithm": f"gcr.io/team/app@sha512:{HEX}{HEX}",
    "no algorithm": f"gcr.io/team/app@{HEX}",
    "a repository in capitals": f"gcr.io/Team/app@{DIGEST}",
    "one character of repository": f"gcr.io/a@{DIGEST}",
    "256 characters of repository": f"gcr.io/{'a' * 256}@{DIGEST}",
    "255 characters before library/ is added": f"{'a' * 255}@{DIGEST}",
    "a repository with a line end": f"gcr.io/team/app\n@{DIGEST}",
    "a malformed tag": f"gcr.io/team/app:v+1@{DIGEST}",
    "an empty tag": f"gcr.io/team/app:@{DIGEST}",
    "a tag of 129 characters": f"gcr.io/team/app:{'t' * 129}@{DIGEST}",
    "a port that is no number": f"r.io:x/a/b@{DIGEST}",
    "a port in other digits": f"r.io:٣/a/b@{DIGEST}",
    "a percent sign": f"h%41.io/a/b@{DIGEST}",
    "a space": f"a b.io/a/b@{DIGEST}",
    "a NUL": f"\0.io/a/b@{DIGEST}",
    "half a surrogate pair": f"\ud800.io/a/b@{DIGEST}",
    "IPv4 in brackets": f"[1.2.3.4]/a/b@{DIGEST}",
    "an IPv6 zone": f"[fe80::1%25eth0]/a/b@{DIGEST}",
    "no address in brackets": f"[x]/a/b@{DIGEST}",
    "an open bracket": f"[::1/a/b@{DIGEST}",
    "a bracket in the middle": f"a[::1].b/a/b@{DIGEST}",
    "a query": f"r.io?q/a/b@{DIGEST}",
}

parts = st.sampled_from(["gcr.io", "docker.io", "localhost:5000", "[::1]", "a", "library", "..", "", "x:1", "é.io", "v1", "A"])
joints = st.sampled_from(["/", ":", "@", "//", ""])
references = st.lists(st.tuples(parts, joints), max_size=6).map(lambda pairs: "".join(a + b for a, b in pairs))


@pytest.mark.parametrize(("base", "registry", "repository"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_reference_is_normalised_as_chains_does(base, registry, repository):
    """What Chains signs as an image is an image here, under the same name."""
    found = oci.image(f"{base}@{DIGEST}")

    assert (registry, repository, DIGEST) == (found.registry, found.repository, found.digest)
    assert f"{registry}/{repository}@{DIGEST}" == found.reference


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_other_references_are_refused_with_a_sentence(text):
    """What Chains passes over is refused, and the message names the text and the rule."""
    with pytest.raises(Permanent, match="is no image reference with a digest: ") as caught:
        oci.image(text)

    assert caught.value.reason == Reason.INVALID_INPUT
    assert caught.value.message.isprintable()


@given(st.one_of(st.text(max_size=80), references).flatmap(lambda text: st.sampled_from([text, f"{text}@{DIGEST}"])))
def test_any_text_is_an_image_or_refused(text):
    """No text raises anything else, and a normalised reference is its own normal form."""
    try:
        found = oci.image(text)
    except Permanent:
        return

    assert found == oci.image(found.reference)


@pytest.mark.parametrize("text", ["a" * 3_000_000, "a:" * 1_500_000, "[" * 3_000_000, "a/" * 1_500_000, ":" * 3_000_000])
def test_megabytes_of_reference_are_refused_at_once(text):
    """Matching is linear, and the message stays short."""
    with pytest.raises(Permanent) as caught:
        oci.image(f"{text}@{DIGEST}")

    assert len(caught.value.message) < 600


def test_tags_are_those_cosign_looks_for():
    """`sha256-<hex>.sig` and `.att`."""
    assert f"sha256-{HEX}.sig" == oci.signature_tag(DIGEST)
    assert f"sha256-{HEX}.att" == oci.attestation_tag(DIGEST)


@pytest.mark.parametrize("make", [oci.signature_tag, oci.attestation_tag])
def test_tag_tells_of_which_image_it_speaks(make):
    """What was made into a tag is read back."""
    assert oci.digest_of_tag(make(DIGEST)) == DIGEST


@pytest.mark.parametrize("tag", ["latest", f"sha256-{HEX}", f"sha256-{HEX}.sbom", f"sha256-{HEX[1:]}.att", f"{HEX}.sig", ""])
def test_other_tags_speak_of_no_image(tag):
    """Only cosign's two kinds of tag do."""
    assert oci.digest_of_tag(tag) == ""


def test_manifest_is_the_one_of_chains():
    """Members, order and times as in chains.md 5.2; two layers, two histories."""
    layers = [Layer(media_type="m", body=body, annotations={"k": "v"}).descriptor for body in (b"one", b"two")]
    manifest = json.loads(oci.manifest(layers))
    config = oci.config(layers)

    assert list(manifest) == ["schemaVersion", "mediaType", "config", "layers"]
    assert {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "size": len(config),
        "digest": oci.digest_of(config),
    } == manifest["config"]
    assert {"mediaType": "m", "size": 3, "digest": oci.digest_of(b"one"), "annotations": {"k": "v"}} == manifest["layers"][0]
    assert (
        '{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{"created":"0001-01-01T00:00:00Z"},'
        '{"created":"0001-01-01T00:00:00Z"}],"os":"","rootfs":{"type":"layers","diff_ids":'
        f'["{oci.digest_of(b"one")}","{oci.digest_of(b"two")}"]}},"config":{{}}}}'
    ) == config.decode()


@given(st.lists(st.tuples(st.text(), st.binary(), st.dictionaries(st.text(), st.text())), max_size=4))
def test_manifest_reads_back(layers):
    """What is written is read: every descriptor, in order, with its annotations."""
    described = [Layer(media_type=kind, body=body, annotations=notes).descriptor for kind, body, notes in layers]

    assert described == oci.read_manifest(oci.manifest(described), "manifest").layers


@given(st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b'{"schemaVersion":2,"config":{},"layers":[]}', b"[" * 9999]))
def test_any_bytes_are_a_manifest_or_refused(body):
    """Hostile manifests are refused with a reason."""
    with pytest.raises(Permanent) as caught:
        oci.read_manifest(body, "manifest")

    assert caught.value.reason == Reason.INVALID_INPUT


def test_manifest_may_only_name_digests_that_name_files():
    """A digest such as `sha256:../../x` is refused before anybody makes a path of it."""
    body = oci.manifest([Descriptor(media_type="m", size=1, digest="sha256:../../x")])

    with pytest.raises(Permanent, match="not a SHA-256 digest"):
        oci.read_manifest(body, "manifest")
