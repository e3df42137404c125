"""Files that are there whole or not at all."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.errors import Reason, Transient
from sealwright.edge import files
from sealwright.edge.files import Files


def test_file_is_written_with_its_folders(tmp_path):
    """And replaces what was there; nothing unfinished stays."""
    writer = Files(tmp_path)
    writer.write(tmp_path / "a" / "b" / "c", b"one")
    writer.write(tmp_path / "a" / "b" / "c", b"two")
    writer.close()

    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"two"
    assert [path.name for path in (tmp_path / ".unfinished").iterdir()] == ["lock"]


def test_what_a_dead_writer_left_goes_only_when_nobody_writes(tmp_path):
    """A second writer does not sweep under the first."""
    first = Files(tmp_path)
    left = tmp_path / ".unfinished" / "1-1"
    left.write_bytes(b"half")
    Files(tmp_path).close()
    there_beside_the_first = left.exists()
    first.close()
    Files(tmp_path).close()

    assert there_beside_the_first
    assert not left.exists()


def test_error_of_the_system_is_worth_waiting_for(tmp_path):
    """Space, rights and mounts can come back; the message names the file."""
    writer = Files(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Transient, match=r"'.*/file/below': ") as caught:
        writer.write(tmp_path / "file" / "below", b"")
    writer.close()

    assert caught.value.reason == Reason.STORE_FAILED


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("gcr.io", "gcr.io"),
        ("localhost:5000", "localhost%3A5000"),
        ("GCR.io", "%47%43%52.io"),
        ("[::1]", "%5B%3A%3A1%5D"),
        ("é", "%C3%A9"),
        ("", "%"),
        (".", "%2E"),
        ("..", "%2E."),
        (".git", "%2Egit"),
        ("a/b", "a%2Fb"),
        ("a\0", "a%00"),
        ("blobs", "%62lobs"),
        ("blobs2", "blobs2"),
    ],
)
def test_names_are_safe_and_readable(text, name):
    """What is usual stays; what could lead elsewhere is percent-encoded."""
    assert files.safe_name(text, taken={"blobs"}) == name


texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300) | st.text("./%a:A", max_size=6)


@given(texts, texts)
def test_different_texts_have_different_names_and_none_leads_elsewhere(one, other):
    """One to one, one level, at most 255 bytes."""
    name = files.safe_name(one)

    assert (one == other) == (name == files.safe_name(other))
    assert len(os.fsencode(name)) <= 200
    assert Path("/root", name).resolve().parent == Path("/root")
    assert not name.startswith(".")
