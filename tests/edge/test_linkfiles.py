"""The links of a layout on disk: found where in-toto looks, and nowhere else."""

from pathlib import Path

import pytest

from sealwright.core.errors import Permanent, Reason
from sealwright.edge import linkfiles


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def test_links_are_found_beside_and_in_folders_of_layouts_inside(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.01234567.link",
        "b.89abcdef/c.01234567.link",
        "b.89abcdef/c.01234567/d.01234567.link",
        "plain/e.01234567.link",
        "f.txt",
    )

    found = linkfiles.read(tmp_path)

    assert sorted(found) == ["a.01234567.link", "b.89abcdef/c.01234567.link", "b.89abcdef/c.01234567/d.01234567.link"]
    assert found["b.89abcdef/c.01234567.link"] == b"b.89abcdef/c.01234567.link"


def test_a_link_to_its_own_folder_ends(tmp_path: Path) -> None:
    write(tmp_path, "a.01234567.link")
    (tmp_path / "loop.01234567").symlink_to(tmp_path, target_is_directory=True)

    assert len(linkfiles.read(tmp_path)) == 9


def test_more_links_than_are_looked_at_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linkfiles, "LINK_LIMIT", 2)
    write(tmp_path, "a.1.link", "b.1.link", "c.1.link")

    with pytest.raises(Permanent) as caught:
        linkfiles.read(tmp_path)

    assert caught.value.reason is Reason.TOO_LARGE


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent) as caught:
        linkfiles.read(tmp_path / "none")

    assert caught.value.reason is Reason.NOT_FOUND
