"""What claims to be signed in a folder."""

import json

from fakes import tekton_runs

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


def test_signed_copy_that_is_none_is_told(tmp_path):
    """Its name says that it should be one."""
    (tmp_path / "a.signed.json").write_text('{"name":"x"}')
    (found,) = evidence.find(tmp_path)

    assert (found.what, found.fault and found.fault.reason) == ("a.signed.json", Reason.INVALID_RUN)
