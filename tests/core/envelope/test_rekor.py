"""What Rekor is asked and what it answers: one table writes and reads, and anything that a peer may send is refused in words."""

import contextlib
import json
from dataclasses import replace

import pytest
from fakes import attested
from fakes.rekor import Rekor, written_v1, written_v2
from fakes.translog import grown
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.envelope.rekor import answers, asking
from sealwright.core.envelope.rekor.told import told
from sealwright.core.errors import Permanent
from sealwright.core.proof import logged

NOW_S = 1_700_000_000.0
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = (
    "body",
    "integratedTime",
    "logID",
    "logIndex",
    "verification",
    "inclusionProof",
    "signedEntryTimestamp",
    "hashes",
    "spec",
)
NAMED = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)


def entry(version, kind):
    """An entry of a statement, as a log of this version keeps it."""
    rekor = Rekor(version, grown(version, 3))
    made, author = attested.statement(1), attested.author()
    asked = asking.propose_v2(made, author) if version == "v2" else asking.propose_v1(made, author, kind)
    return rekor, rekor.entry(rekor.tree.add(rekor.body(json.loads(asked))))


KINDS = [("v1", "dsse"), ("v1", "intoto"), ("v1", "hashedrekord"), ("v2", "hashedrekord")]


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_an_answer_is_read_as_it_was_written(version, kind):
    """Each kind of entry, whole."""
    _, made = entry(version, kind)
    if version == "v1":
        assert answers.read_v1(written_v1(made)) == (("ab" * 32, made),)
    else:
        assert answers.read_v2(written_v2(made)) == made


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_each_changed_byte_of_an_answer_is_refused_or_changes_nothing(version, kind):
    """No byte can be changed so that another entry is believed; letters of hex may change their case."""
    rekor, made = entry(version, kind)
    data = written_v1(made) if version == "v1" else written_v2(made)
    changed = (data[:place] + bytes([data[place] ^ 0x20]) + data[place + 1 :] for place in range(0, len(data), 3))
    believed = [found for each in changed if (found := proven(version, each, rekor))]

    assert {found.body for found in believed} <= {made.body}
    assert len(believed) < len(data) / 3


def proven(version, data, rekor):
    """The entry, if it is believed; any other error than Permanent is a bug."""
    with contextlib.suppress(Permanent):
        found = answers.read_v1(data)[0][1] if version == "v1" else answers.read_v2(data)
        logged.prove(found, attested.statement(1), attested.author(), [rekor.tree.key], NOW_S)
        return found
    return None


@pytest.mark.parametrize(("version", "kind"), KINDS[:3])
def test_a_body_tells_a_person_what_and_who(version, kind):
    """The digest that it keeps, and the id of the key."""
    _, made = entry(version, kind)
    found = told(made)

    assert found.digest.startswith("sha256:")
    assert found.authors == (attested.author().key.key_id,)


@given(st.one_of(JSON, NAMED, st.dictionaries(st.text(), NAMED, max_size=2)))
def test_any_json_is_refused_in_words(found):
    """By every reader of answers, and by the one for people."""
    data = json.dumps(found).encode()
    _, made = entry("v1", "dsse")
    for read in (answers.read_v1, answers.read_v2, answers.read_found):
        with contextlib.suppress(Permanent):
            read(data)
    with contextlib.suppress(Permanent):
        told(replace(made, body=data))


@given(st.binary())
def test_any_bytes_are_refused_in_words(data):
    """Nothing but Permanent."""
    for read in (answers.read_v1, answers.read_v2, answers.read_found):
        with contextlib.suppress(Permanent):
            read(data)


def test_ids_are_hex_and_bounded():
    """64 digits, or 80 with the tree's; each once, and no more than are fetched."""
    first, second = "ab" * 32, "cd" * 40

    assert answers.read_found(json.dumps([first, second, first]).encode()) == (first, second)
    assert len(answers.read_found(json.dumps([f"{n:064x}" for n in range(1500)]).encode())) == answers.FOUND_LIMIT
    for wrong in ("../" + "a" * 61, "AB" * 32, "", "ab" * 33):
        with pytest.raises(Permanent):
            answers.read_found(json.dumps([wrong]).encode())
