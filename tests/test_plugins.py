"""A file is a member: the words of the configuration are the files that exist."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from sealwright import plugins

WORDS = {
    "sealwright.core.provenance": {"in-toto", "slsa/v1", "slsa/v2alpha3", "slsa/v2alpha4", "simplesigning"},
    "sealwright.edge.signers": {"x509"},
    "sealwright.edge.stores": {"tekton", "oci"},
}


@pytest.fixture
def room(tmp_path, monkeypatch):
    """Makes a package of this name with these files."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, **files: str) -> str:
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").touch()
        for stem, text in files.items():
            (package / f"{stem}.py").write_text(text)
        return name

    yield make
    for name in [name for name in sys.modules if name.startswith("room_")]:
        del sys.modules[name]


@pytest.mark.parametrize("name", WORDS)
def test_every_file_of_a_room_is_a_member(name):
    """None is forgotten, and each answers to at least one word."""
    files = {path.stem for path in Path(import_module(name).__file__).parent.glob("*.py")} - {"__init__"}
    found = plugins.members(name)

    assert {module.__name__.rpartition(".")[2] for module in found.values()} == files
    assert list(found) == sorted(found)
    assert all(word in module.NAMES for word, module in found.items())


@pytest.mark.parametrize(("name", "words"), WORDS.items())
def test_the_words_of_chains_are_there(name, words):
    """What a ConfigMap of Chains may say for the back ends of this version."""

    assert words <= set(plugins.members(name))


def test_a_file_may_answer_to_several_words(room):
    """Each word is that file."""
    found = plugins.members(room("room_several", one="NAMES = ('b', 'a')", two="NAMES = ('c',)"))

    assert {word: module.__name__ for word, module in found.items()} == {
        "a": "room_several.one",
        "b": "room_several.one",
        "c": "room_several.two",
    }


def test_two_files_for_one_word_are_an_error_at_start(room):
    """It names both, and the word."""
    name = room("room_double", one="NAMES = ('a',)", two="NAMES = ('b', 'a')")
    with pytest.raises(RuntimeError, match=r"room_double: both room_double\.one and room_double\.two answer to 'a'"):
        plugins.members(name)


def test_an_empty_room_has_no_words(room):
    """Nothing is made up."""

    assert plugins.members(room("room_empty")) == {}
