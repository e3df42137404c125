"""What claims to be signed in a folder."""

import hashlib
import json

from fakes import sigstore, tekton_runs

from sealwright.core import oci
from sealwright.core.envelope import bundle as bundles
from sealwright.core.errors import Reason
from sealwright.edge import evidence


def test_folder_tells_of_its_runs_and_passes_over_other_files(tmp_path):
    """A finished run without a signature, a broken file and a run that cannot be read; a package.json is nobody's evidence."""
    (tmp_path / "run.json").write_bytes(tekton_runs.encoded(tekton_runs.task_run()))
    (tmp_path / "broken.yaml").write_text("kind: [")
    (tmp_path / "nameless.json").write_text(json.dumps({"apiVersion": "tekton.dev/v1", "kind": "TaskRun"}))
    (tmp_path / "package.json").write_text('{"name":"x"}')
    (tmp_path / "config.yaml").write_text("a: 1\n")
    found = {each.what: each.fault and each.fault.reason for each in evidence.find(tmp_path)}

    assert found == {
        "broken.yaml": Reason.INVALID_INPUT,
        "nameless.json": Reason.INVALID_RUN,
        "taskrun team/build": Reason.NO_ATTESTATION,
    }


def test_bundles_that_refer_to_an_image_are_found_in_a_layout(tmp_path):
    """What refers to another image is passed over, and so is what is no manifest."""
    digest, other = f"sha256:{'ab' * 32}", f"sha256:{'cd' * 32}"
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    made = bundles.write(sigstore.bundle(sigstore.KEY_SEALED))
    entries = []

    def keep(body):
        (blobs / hashlib.sha256(body).hexdigest()).write_bytes(body)
        return {"mediaType": oci.MANIFEST_TYPE, "digest": oci.digest_of(body), "size": len(body)}

    for subject in (digest, other):
        layer = oci.Layer(media_type=bundles.MEDIA_TYPE, body=made)
        about = oci.Descriptor(media_type=oci.MANIFEST_TYPE, size=2, digest=subject)
        entries.append(keep(oci.referring(layer, bundles.MEDIA_TYPE, about, {})))
    keep(made)
    entries.append(keep(b"[]"))
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    found = list(evidence.of_image(tmp_path, oci.image(f"registry.test/app@{digest}")))

    assert [(True, digest)] == [(each.bundle is not None, each.digest) for each in found]


def test_signed_copy_that_is_none_is_told(tmp_path):
    """Its name says that it should be one."""
    (tmp_path / "a.signed.json").write_text('{"name":"x"}')
    (found,) = evidence.find(tmp_path)

    assert (found.what, found.fault and found.fault.reason) == ("a.signed.json", Reason.INVALID_RUN)
