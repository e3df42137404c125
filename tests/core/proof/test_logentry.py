"""Entries of a transparency log, proven step by step."""

from dataclasses import replace

import pytest
from fakes import signers
from fakes.translog import Tree, grown

from sealwright.core.errors import Reason, Untrusted
from sealwright.core.proof import checkpoint, logentry

KINDS = ("v1", "v2")


def reason(entry, *logs):
    with pytest.raises(Untrusted) as caught:
        logentry.prove(entry, logs)
    return caught.value.reason


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("earlier", [0, 1000])
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_each_entry_of_a_log_is_proven(kind, earlier, size):
    """Whatever the log's size, and in whichever of its shards; the key is found among others by the log's id."""
    tree = grown(kind, size, earlier=earlier)
    other = grown("v1", 1, key=signers.key("ecdsa-p256", 9)).key
    for number in range(size):
        proven = logentry.prove(tree.entry(number), [other, tree.key])
        assert proven.is_included
        assert proven.log == tree.key
        assert proven.promised_s == (tree.time_s if kind == "v1" else 0)
        assert len(proven.steps) == (4 if kind == "v1" else 3)


def test_a_promise_alone_is_proven_and_says_so():
    """Rekor v1 answers so before it has merged the entry; whether that is enough is the caller's affair."""
    tree = grown("v1", 3)
    proven = logentry.prove(replace(tree.entry(1), proof=None), [tree.key])

    assert (False, tree.time_s) == (proven.is_included, proven.promised_s)


def test_a_time_without_a_promise_is_not_believed():
    """Nobody signed it."""
    tree = grown("v1", 3)

    assert logentry.prove(replace(tree.entry(1), promise=b""), [tree.key]).promised_s == 0


def test_what_proves_nothing_is_refused():
    """No promise and no proof, or no log that is trusted."""
    tree = grown("v1", 3)
    entry = tree.entry(1)
    assert reason(replace(entry, promise=b"", proof=None), tree.key) is Reason.BAD_LOG_ENTRY
    assert reason(entry) is Reason.UNKNOWN_LOG
    assert reason(entry, grown("v2", 1).key) is Reason.UNKNOWN_LOG
    assert reason(replace(entry, log_id=b""), tree.key) is Reason.UNKNOWN_LOG


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_that_no_log_gives_are_refused(kind):
    """Negative ones, and a number in the shard above that in the whole log."""
    tree = grown(kind, 4)
    entry = tree.entry(2)
    assert reason(replace(entry, index=-1), tree.key) is Reason.BAD_LOG_ENTRY
    assert reason(replace(entry, integrated_s=-1), tree.key) is Reason.BAD_LOG_ENTRY
    lower = replace(entry, index=1)
    assert reason(tree.promised(lower) if kind == "v1" else lower, tree.key) is Reason.BAD_LOG_ENTRY
    assert reason(replace(entry, proof=replace(entry.proof, index=-1)), tree.key) is Reason.BAD_INCLUSION


@pytest.mark.parametrize("number", range(6))
def test_each_changed_byte_of_an_entry_is_refused(number):
    """Body, promise, hashes, root; a proof that is good does not mend a promise that is not, nor the other way."""
    tree = grown("v1", 6)
    entry = tree.entry(number)
    for place in range(len(entry.body)):
        assert reason(replace(entry, body=flipped(entry.body, place)), tree.key) is Reason.BAD_PROMISE
        assert reason(replace(entry, body=flipped(entry.body, place), promise=b""), tree.key) is Reason.BAD_INCLUSION
    for place in range(len(entry.promise)):
        assert reason(replace(entry, promise=flipped(entry.promise, place)), tree.key) is Reason.BAD_PROMISE
    for place in range(32):
        root = replace(entry.proof, root=flipped(entry.proof.root, place))
        first = replace(entry.proof, hashes=(flipped(entry.proof.hashes[0], place), *entry.proof.hashes[1:]))
        assert reason(replace(entry, proof=root), tree.key) is Reason.BAD_INCLUSION
        assert reason(replace(entry, proof=first), tree.key) is Reason.BAD_INCLUSION
    for change in ({"index": entry.index + 1}, {"integrated_s": entry.integrated_s + 1}):
        assert reason(replace(entry, **change), tree.key) is Reason.BAD_PROMISE


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_of_another_tree_is_refused(kind):
    """Of the same log, a moment later; or of a tree with the same root and another size."""
    tree = grown(kind, 4)
    entry = tree.entry(1)
    tree.add(b"later")
    later = replace(entry.proof, checkpoint=tree.checkpoint())
    assert reason(replace(entry, proof=later), tree.key) is Reason.BAD_CHECKPOINT
    unsigned = replace(entry.proof, checkpoint=entry.proof.checkpoint.split("\n\n")[0])
    assert reason(replace(entry, proof=unsigned), tree.key) is Reason.BAD_CHECKPOINT


def test_a_log_that_forks_its_tree_is_still_held_to_its_key():
    """Another tree under another key, which claims to be this log."""
    tree = grown("v2", 4)
    forger = Tree("v2", key=signers.key("ed25519", 3))
    forger.add(b"forged")
    forged = replace(forger.entry(0), log_id=tree.key.log_id)

    assert reason(forged, tree.key) is Reason.BAD_CHECKPOINT


def test_a_promise_signs_what_rekor_signs():
    """RFC 8785: sorted keys, no spaces, the body in base64, the log's id in hex."""
    entry = replace(grown("v1", 1).entry(0), body=b"{}", integrated_s=7, index=3, log_id=b"\x01\xff")

    assert logentry.promise_message(entry) == b'{"body":"e30=","integratedTime":7,"logID":"01ff","logIndex":3}'


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_keys_of_both_kinds_have_ids_of_32_bytes():
    """As bundles name a log."""
    for kind in KINDS:
        assert len(grown(kind, 1).key.log_id) == 32
    public = signers.key("ecdsa-p256").public

    assert checkpoint.tiled_log_key(public, "x") == checkpoint.log_key(public, "x")
