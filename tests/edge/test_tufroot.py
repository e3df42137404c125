"""Trusted roots by TUF: followed from a root that the user has, and from no other (T38)."""

import json
from datetime import timedelta

import pytest
from fakes import commands, sigstore

pytest.importorskip("tuf", reason="needs the extra 'keyless'")
from fakes.tufrepository import BASE, LATER, Repository
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadError
from tuf.api.metadata import Root

from sealwright.core.errors import Permanent, Reason, Transient, Untrusted
from sealwright.core.proof import trustroot
from sealwright.edge import tufroot

TRUSTED = json.dumps(sigstore.trusted_root()).encode()


def follow(repository, tmp_path, first=None):
    return tufroot.follow(BASE, first or repository.first, tmp_path, repository)


def refusal(repository, tmp_path, first=None):
    with pytest.raises(Untrusted) as raised:
        follow(repository, tmp_path, first)
    return raised.value.reason


def test_the_newest_trusted_root_is_found(tmp_path):
    """And found again when it has changed."""
    repository = Repository(TRUSTED)

    assert trustroot.read(follow(repository, tmp_path)).logs
    repository.publish(TRUSTED + b" ", version=2)
    assert follow(repository, tmp_path) == TRUSTED + b" "


def test_a_root_that_the_old_one_signed_is_followed(tmp_path):
    """With another key; the first root is still where the user starts."""
    repository = Repository(TRUSTED)
    old, repository.signer = repository.signer, CryptoSigner.generate_ed25519()
    root = Root(version=2, expires=LATER, consistent_snapshot=False)
    for role in ("root", "timestamp", "snapshot", "targets"):
        root.add_key(repository.signer.public_key, role)
    repository.files[f"{BASE}/2.root.json"] = repository.signed(root, old, repository.signer)
    repository.publish(TRUSTED)

    assert follow(repository, tmp_path) == TRUSTED


def test_a_mirror_with_a_root_of_its_own_is_refused(tmp_path):
    """Whoever serves the files may serve another repository, whole and in order."""
    ours, theirs = Repository(TRUSTED), Repository(b"{}")

    assert Reason.BAD_SIGNATURE is refusal(theirs, tmp_path, ours.first)
    root = Root(version=2, expires=LATER, consistent_snapshot=False)
    for role in ("root", "timestamp", "snapshot", "targets"):
        root.add_key(theirs.signer.public_key, role)
    theirs.files[f"{BASE}/2.root.json"] = theirs.signed(root)
    assert Reason.BAD_SIGNATURE is refusal(theirs, tmp_path / "other", ours.first)


@pytest.mark.parametrize("name", ["timestamp.json", "snapshot.json", "targets.json", "targets/trusted_root.json"])
def test_a_changed_file_is_refused(name, tmp_path):
    """Whichever it is."""
    repository = Repository(TRUSTED)
    url = f"{BASE}/{name}"
    changed = repository.files[url].replace(b'"version": 1', b'"version": 2').replace(b"tlogs", b"tlags")
    repository.files[url] = changed.replace(b'"version":1', b'"version":2')

    assert Reason.BAD_SIGNATURE is refusal(repository, tmp_path)


def test_an_older_state_is_refused_once_a_newer_was_seen(tmp_path):
    """Rollback: CVE-2020-15163 and its kin."""
    repository = Repository(TRUSTED)
    old = dict(repository.files)
    repository.publish(TRUSTED, version=2)
    follow(repository, tmp_path)
    repository.files = old

    assert Reason.BAD_SIGNATURE is refusal(repository, tmp_path)


def test_a_state_whose_time_has_passed_is_refused(tmp_path):
    """Freeze: a mirror that holds back the newest."""
    repository = Repository(TRUSTED)
    repository.publish(TRUSTED, version=2, expires=LATER - timedelta(days=60))

    assert Reason.BAD_SIGNATURE is refusal(repository, tmp_path)


def test_a_first_root_that_is_none_is_refused(tmp_path):
    """Nothing can be followed from it."""
    assert Reason.BAD_SIGNATURE is refusal(Repository(TRUSTED), tmp_path, b"{}")


def test_what_is_not_there_is_told_apart(tmp_path):
    """No such target; no mirror."""
    repository = Repository(TRUSTED)
    repository.publish(TRUSTED, version=2, name="other.json")
    with pytest.raises(Permanent) as missing:
        follow(repository, tmp_path)
    repository._fetch = down
    with pytest.raises(Transient) as raised:
        follow(repository, tmp_path)

    assert (missing.value.reason, raised.value.reason) == (Reason.NOT_FOUND, Reason.UNAVAILABLE)


def down(url):
    raise DownloadError(f"{url} does not answer")


@pytest.mark.parametrize("mirror", ["http://tuf.test", "ftp://tuf.test", "tuf.test", "http://127.0.0.1.evil.test", ""])
def test_a_mirror_is_asked_with_tls(mirror, tmp_path):
    """Or not at all."""
    with pytest.raises(Permanent) as raised:
        tufroot.follow(mirror, b"{}", tmp_path, Repository(TRUSTED))

    assert Reason.INVALID_INPUT is raised.value.reason


def test_a_mirror_without_a_root_of_ones_own_is_wrong_usage(tmp_path):
    """It would vouch for itself."""
    (tmp_path / "key.pub").write_bytes(sigstore.KEY.public.pem)
    found = commands.run("verify", "x", "--key", tmp_path / "key.pub", "--tuf-mirror", BASE)

    assert found.code == 2
    assert "does not vouch for itself" in found.told
