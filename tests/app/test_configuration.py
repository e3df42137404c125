"""A configuration is taken as it is meant, or refused: doing without what was asked for would be silent weakening (T50)."""

import pytest

from sealwright.app import configuration
from sealwright.core.errors import Permanent


def test_nothing_that_chains_can_do_is_refused():
    """Its switches, each by a word that Chains takes."""
    words = {
        "signers.x509.fulcio.enabled": "true",
        "storage.oci.encoding-format": "sigstore-bundle",
        "storage.oci.repository": "registry.test/attestations",
        "transparency.enabled": "manual",
    }
    config = configuration.parse_config(words).config

    assert (config.signers["x509"]["fulcio.enabled"], config.transparency.manual) == (True, True)


def test_every_fault_is_told_at_once():
    with pytest.raises(Permanent) as refused:
        configuration.parse_config({"artifacts.taskrun.storage": "kafak", "artifacts.taskrun.format": "slsa/v9"})

    assert {line.split(":")[0] for line in refused.value.message.splitlines()} == {
        "artifacts.taskrun.storage",
        "artifacts.taskrun.format",
    }


def test_without_a_file_the_defaults_of_chains_hold():
    config = configuration.read_config(None).config

    assert (config.taskrun.format, config.taskrun.storage, config.oci.storage) == ("in-toto", ("tekton",), ("oci",))


def test_a_file_with_two_documents_is_refused(tmp_path):
    """Which of them was meant cannot be known."""
    (tmp_path / "config.yaml").write_text("builder.id: a\n---\nbuilder.id: b\n")
    with pytest.raises(Permanent, match="found 2 documents"):
        configuration.read_config(tmp_path / "config.yaml")
