"""Key files: what is made can be opened, nothing is overwritten, and secrets are for their owner alone."""

import stat
from typing import get_args

import pytest

from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason
from sealwright.edge import keyfiles

LAYOUT = {"cosign.key", "cosign.password", "cosign.pub"}


@pytest.mark.parametrize("algorithm", get_args(keyfiles.Algorithm))
def test_each_algorithm_can_be_made(algorithm):
    """The word asked for is the word that the key answers to, and it signs."""
    key = keyfiles.generate(algorithm)
    keys.verify(key.public, "sha256", b"message", key.sign(b"message", "sha256"))

    assert algorithm == key.public.algorithm


def test_an_unknown_algorithm_is_refused():
    """The message lists the words there are."""
    with pytest.raises(Permanent, match=r"rsa-1024.*ecdsa-p256, ") as refused:
        keyfiles.generate("rsa-1024")

    assert refused.value.reason is Reason.KEY_UNUSABLE


def test_a_pair_has_the_layout_of_signing_secrets(tmp_path):
    """Three files, no drafts; the key opens with the password beside it and is the public key's other half."""
    public = keyfiles.make_pair(tmp_path / "new" / "keys", "ecdsa-p256")
    files = {path.name: path for path in (tmp_path / "new" / "keys").iterdir()}
    opened = keys.load_private(files["cosign.key"].read_bytes(), files["cosign.password"].read_bytes())

    assert set(files) == LAYOUT
    assert public == opened.public == keys.load_public(files["cosign.pub"].read_bytes())
    assert len(files["cosign.password"].read_bytes()) >= 32


def test_secrets_are_for_their_owner_alone(tmp_path):
    """Key and password cannot be read by a group or by others."""
    keyfiles.make_pair(tmp_path, "ed25519", b"")

    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir() if path.name != "cosign.pub"} == {
        "cosign.key": 0o600,
        "cosign.password": 0o600,
    }
    assert (tmp_path / "cosign.password").read_bytes() == b""


@pytest.mark.parametrize("there", sorted(LAYOUT))
def test_nothing_is_overwritten(tmp_path, there):
    """Where one of the three files is there, it stays, none of the others appears, and the message names it."""
    (tmp_path / there).write_bytes(b"precious")
    with pytest.raises(Permanent, match=there) as refused:
        keyfiles.make_pair(tmp_path, "ed25519")

    assert refused.value.reason is Reason.STORE_FAILED
    assert [there] == [path.name for path in tmp_path.iterdir()]
    assert (tmp_path / there).read_bytes() == b"precious"


def test_a_directory_that_cannot_be_one_is_named(tmp_path):
    """A file stands where the directory should be, or above it."""
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(Permanent, match="file") as refused:
            keyfiles.make_pair(place, "ed25519")

        assert refused.value.reason is Reason.STORE_FAILED


def test_two_pairs_differ():
    """Key, salt and nonce are drawn anew each time."""
    one, two = (keyfiles.generate("ed25519") for _ in range(2))

    assert one.public != two.public
    assert keyfiles.seal(one, b"") != keyfiles.seal(one, b"")
