"""The README is true: what it says to type exists, and what it points at is there."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from fakes.shell import calls, parse

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```\w*\n(.*?)^```", "", README, flags=re.MULTILINE | re.DOTALL)

# Made by what the README says to type, or set up by it.
MADE_BY_USE = {".venv", "signing-secrets/", "oci/REGISTRY/REPOSITORY/", "runs/signing-secrets/"}
SCRIPTS = [
    path for path in sorted((ROOT / "hack").iterdir()) if path.is_file() and not path.suffix and not path.name.startswith("_")
]


def commands():
    """Every call of sealwright in a block of code or between backquotes."""
    lines = [line.strip() for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(sealwright [^`]*)`", PROSE)
    return [words for line in lines for words in calls(line)]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_in_the_readme_exists_with_its_options(words):
    parse(words)


def test_the_readme_shows_how_to_use_what_there_is():
    assert {"controller", "verify", "why", "search", "sign"} <= {words[0] for words in commands() if words}


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)", README))
def test_every_link_leads_somewhere(target):
    assert target.startswith("https://") or (ROOT / target).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\b(?:hack|docs|examples|tests|controller)/[\w./-]*\w", README))))
def test_every_file_that_the_readme_names_is_there(name):
    assert (ROOT / name).exists()


def test_every_room_of_the_house_is_there():
    """The tree in the README, read by its indentation."""
    [tree] = [block for block in BLOCKS if block.startswith("controller/sealwright/")]
    above: list[tuple[int, Path]] = [(-1, ROOT)]
    for line in tree.splitlines():
        depth = len(line) - len(line.lstrip())
        while above[-1][0] >= depth:
            above.pop()
        names = re.match(r"(?:[\w./]+/\s{1,2})+", line.strip() + " ")
        assert names, line
        for name in names[0].split():
            assert (above[-1][1] / name).is_dir(), line
        above.append((depth, above[-1][1] / names[0].split()[-1]))


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_scripts_can_be_run_and_are_bash(script):
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_nothing_that_the_demo_makes_is_committed():
    ignored = (ROOT / ".gitignore").read_text().split()

    assert {".venv/", "demo/"} <= {f"{line.strip('/')}/" for line in ignored}
