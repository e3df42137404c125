"""Checkpoints, signed by logs of both kinds. The form is that of C2SP tlog-checkpoint and signed-note."""

import base64
from dataclasses import replace

import pytest
from fakes import signers
from fakes.translog import HOST, grown, note
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core import keys
from sealwright.core.errors import Reason, Untrusted
from sealwright.core.proof import checkpoint

KINDS = ("v1", "v2")
# A checkpoint of the Go project's checksum database's form: name, key and signature are those of signed-note's own example.
NOTE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def bad(text, log):
    with pytest.raises(Untrusted) as caught:
        checkpoint.verify(text, log)
    assert caught.value.reason is Reason.BAD_CHECKPOINT
    return caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_that_the_log_signed_says_origin_size_and_root(kind):
    """Rekor v1 adds the number of its tree to the origin and signs without it."""
    tree = grown(kind, 5)
    found = checkpoint.verify(tree.checkpoint(), tree.key)

    assert (tree.origin, HOST, 5) == (found.origin, found.name, found.size)


@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_log_may_sign_with_any_accepted_key(kind, algorithm):
    """ECDSA with SHA-256, Ed25519, RSA."""
    tree = grown(kind, 2, key=signers.key(algorithm))

    assert checkpoint.verify(tree.checkpoint(), tree.key).size == 2


def test_the_id_of_an_ed25519_key_is_that_of_signed_note():
    """The example of the specification: name, hint and key of a verifier key."""
    name, hint, text = NOTE_KEY.split("+")
    material = keys.ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(text)[1:])

    assert checkpoint.tiled_log_key(keys.public_key(material), name).log_id[:4].hex() == hint


@pytest.mark.parametrize("kind", KINDS)
def test_other_signatures_do_not_matter(kind):
    """Witnesses before and after the log's own line, lines of another key of the log, and further signed lines."""
    tree = grown(kind, 3)
    body, ours = tree.checkpoint().split("\n\n")
    other = "\N{EM DASH} witness.example " + base64.b64encode(b"hint" + bytes(72)).decode() + "\n"
    of_other_key = f"\N{EM DASH} {HOST} " + base64.b64encode(b"hint" + bytes(64)).decode() + "\n"
    for below in (other + ours, ours + other, of_other_key + ours + other):
        checkpoint.verify(f"{body}\n\n{below}", tree.key)
    longer = note(f"{body}\nTimestamp: 1689177396617352539\n", tree.private, HOST, tree.key.log_id[:4])

    assert checkpoint.verify(longer, tree.key).size == 3


@pytest.mark.parametrize("kind", KINDS)
def test_another_key_name_or_origin_is_refused(kind):
    """The hint of another key, a good hint over another's signature, a name that is not the origin's."""
    tree = grown(kind, 3)
    text = tree.checkpoint()
    stranger = signers.key("ecdsa-p256", 5)
    signed = text.split("\n\n")[0] + "\n"
    assert "key hint" in bad(text, checkpoint.log_key(stranger.public))
    assert "is not by" in bad(note(signed, stranger, HOST, tree.key.log_id[:4]), tree.key)
    assert "no signature of" in bad(note(signed, tree.private, "other.example", tree.key.log_id[:4]), tree.key)
    assert "wanted 'other.example'" in bad(text, replace(tree.key, origin="other.example"))


@pytest.mark.parametrize("kind", KINDS)
def test_one_broken_signature_of_the_log_is_enough_to_refuse(kind):
    """A good one beside it does not mend it."""
    tree = grown(kind, 3)
    text = tree.checkpoint()
    broken = f"\N{EM DASH} {HOST} " + base64.b64encode(tree.key.log_id[:4] + bytes(64)).decode() + "\n"

    assert "is not by" in bad(text + broken, tree.key)


@pytest.mark.parametrize("kind", KINDS)
def test_each_changed_byte_is_refused(kind):
    """Of the signed text and of the signature line."""
    tree = grown(kind, 3)
    text = tree.checkpoint()
    for place, character in enumerate(text[:-1]):
        bad(text[:place] + chr(ord(character) ^ 1) + text[place + 1 :], tree.key)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("empty", ""),
        ("no signatures", "origin\n1\n" + "A" * 43 + "=\n\n"),
        ("no empty line", "origin\n1\n" + "A" * 43 + "=\n"),
        ("no origin", "\n1\n" + "A" * 43 + "=\n\n\N{EM DASH} a AAAAAAAA\n"),
        ("no size", "origin\n" + "A" * 43 + "=\nx\n\n\N{EM DASH} a AAAAAAAA\n"),
        ("a size with a zero before it", "origin\n01\n" + "A" * 43 + "=\n\n\N{EM DASH} a AAAAAAAA\n"),
        ("a negative size", "origin\n-1\n" + "A" * 43 + "=\n\n\N{EM DASH} a AAAAAAAA\n"),
        ("a size without end", "origin\n" + "9" * 20 + "\n" + "A" * 43 + "=\n\n\N{EM DASH} a AAAAAAAA\n"),
        ("a short root", "origin\n1\nAAAA\n\n\N{EM DASH} a AAAAAAAA\n"),
        ("a root that is no base64", "origin\n1\n" + "?" * 44 + "\n\n\N{EM DASH} a AAAAAAAA\n"),
        ("a hyphen for the dash", "origin\n1\n" + "A" * 43 + "=\n\n- a AAAAAAAA\n"),
        ("a signature without a name", "origin\n1\n" + "A" * 43 + "=\n\n\N{EM DASH} AAAAAAAA\n"),
        ("a signature that is only a hint", "origin\n1\n" + "A" * 43 + "=\n\n\N{EM DASH} a AAAAAA==\n"),
        ("too many signatures", "origin\n1\n" + "A" * 43 + "=\n\n" + "\N{EM DASH} a AAAAAAAA\n" * 65),
        ("too long", "origin\n1\n" + "A" * 43 + "=\n" + "x" * (16 << 10) + "\n\n\N{EM DASH} a AAAAAAAA\n"),
        ("half a surrogate pair", "origin\ud800\n1\n" + "A" * 43 + "=\n\n\N{EM DASH} origin\ud800 AAAAAAAA\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(what, text):
    """In words, before anything is verified."""
    bad(text, grown("v1", 1).key)


@given(st.text())
def test_any_text_is_refused_in_words(text):
    """Nothing but Untrusted."""
    bad(text, grown("v2", 1).key)
